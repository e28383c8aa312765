import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Fault } from '../../models/spec/fault.ts'

/** Lets a person change a text in the editor of their choice (`VISUAL`, `EDITOR`). Fault `EDITOR_FAILED`. */
export async function editText(text: string, name: string): Promise<string> {
  const editor = process.env.VISUAL || process.env.EDITOR || (process.platform === 'win32' ? 'notepad' : 'vi')
  const folder = await mkdtemp(join(tmpdir(), 'polyrank-edit-'))
  const file = join(folder, name)
  try {
    // Readable by nobody else: it may hold what people did.
    await writeFile(file, text, { mode: 0o600 })
    // By the shell, since an editor may be given with words of its own.
    const child = spawn(`${editor} "${file}"`, { shell: true, stdio: 'inherit' })
    const [code] = await once(child, 'close')
    if (code !== 0) {
      throw new Fault(
        'EDITOR_FAILED',
        `"${editor}" ended with ${code}, so nothing is sent. Set EDITOR, or give --file.`,
      )
    }
    return await readFile(file, 'utf8')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
