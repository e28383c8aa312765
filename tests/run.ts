/** `npm test`: every suite that needs no server, and those that need one where it is there. `npm test -- engine` narrows to paths containing a word. */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'

const root = import.meta.dirname
const words = process.argv.slice(2)
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts') && words.every((word) => file.includes(word)))
  .sort()
  .map((file) => relative(process.cwd(), join(root, file)))

if (files.length === 0) {
  console.error(`No test file has ${words.join(' and ')} in its path.`)
  process.exit(1)
}
// Node 20's --test expands no globs, hence the list.
const child = spawn(process.execPath, ['--import', 'tsx', '--test', ...files], { stdio: 'inherit' })
child.on('exit', (code) => process.exit(code ?? 1))
