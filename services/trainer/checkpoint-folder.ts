import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readSafetensors, writeSafetensors } from '../../models/engine/safetensors.ts'
import { Fault } from '../../models/spec/fault.ts'
import type { CheckpointStore, StoredCheckpoint } from '../../pipelines/training/checkpoint.ts'
import { onDisk } from '../adapters/disk-faults.ts'

/** Names the file of tensors; the checkpoint is what it says. */
const factsFile = 'checkpoint.json'

/** A job's checkpoint as files in `folder`. Faults of `diskFault` when it is written. */
export function createCheckpointFolder(folder: string): CheckpointStore {
  return {
    place: folder,
    async read() {
      try {
        const text = await readFile(join(folder, factsFile), 'utf8')
        const { tensorsFile, ...facts }: StoredCheckpoint['facts'] & { tensorsFile: string } = JSON.parse(text)
        if (facts.formatVersion !== 1) throw new TypeError(`format ${facts.formatVersion} is not known`)
        const tensors = readSafetensors(await readFile(join(folder, tensorsFile)))
        return { facts, tensors: [...tensors.values()] }
      } catch (cause) {
        const { code, path, message } = cause as NodeJS.ErrnoException
        if (code === 'ENOENT' && path?.endsWith(factsFile)) return null
        throw new Fault('CHECKPOINT_UNREADABLE', `The checkpoint in ${folder} cannot be read (${message}).`, {
          path: folder,
          cause,
        })
      }
    },
    write: ({ facts, tensors }) =>
      onDisk(folder, async () => {
        await mkdir(folder, { recursive: true })
        const tensorsFile = `${randomUUID()}.safetensors`
        await writeFile(join(folder, tensorsFile), writeSafetensors(tensors).pieces)
        const unfinished = join(folder, `${factsFile}.unfinished`)
        await writeFile(unfinished, [Buffer.from(JSON.stringify({ ...facts, tensorsFile }, null, 1))])
        await rename(unfinished, join(folder, factsFile))
        await syncFolder(folder)
        // What was before, and what a crash left.
        for (const file of await readdir(folder))
          if (file !== factsFile && file !== tensorsFile) await rm(join(folder, file), { force: true })
      }),
  }
}

/** Whole and on the disk when it returns. */
async function writeFile(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, 'w')
  try {
    for (const piece of pieces) await file.writeFile(piece)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Makes a rename last; where a folder cannot be opened as a file (Windows) there is no such call. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => null)
  try {
    await handle?.sync()
  } finally {
    await handle?.close()
  }
}
