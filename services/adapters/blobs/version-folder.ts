import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobStore, ModelVersion } from '../../../pipelines/promotion/ports.ts'
import type { VersionFolder } from '../../../pipelines/training/version.ts'
import { onDisk } from '../disk-faults.ts'

/** An empty folder at `folder` for a version's files. Faults of `diskFault`. */
export async function createVersionFolder(folder: string): Promise<VersionFolder> {
  await onDisk(folder, async () => {
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder, { recursive: true })
  })
  return {
    write: (name, pieces) =>
      onDisk(folder, async () => {
        const file = await open(join(folder, name), 'w')
        try {
          for (const piece of pieces) await file.writeFile(piece)
        } finally {
          await file.close()
        }
      }),
    remove: (name) => onDisk(folder, () => rm(join(folder, name))),
  }
}

/** Puts a published version's files into `<parentFolder>/<version>`, verified; returns that folder. */
export async function fetchVersion(
  blobs: BlobStore,
  { version, files }: ModelVersion,
  parentFolder: string,
): Promise<string> {
  const folder = join(parentFolder, version)
  for (const { name, sha256 } of files) await blobs.fetch(sha256, join(folder, name))
  return folder
}
