import { mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BlobStore, ModelVersion } from '../../../pipelines/promotion/ports.ts'
import type { VersionFolder } from '../../../pipelines/training/version.ts'
import { diskFault } from '../disk-faults.ts'

/** An empty folder at `folder` for a version's files. Fault `DISK_FULL`. */
export async function createVersionFolder(folder: string): Promise<VersionFolder> {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  return {
    async write(name, pieces) {
      try {
        const file = await open(join(folder, name), 'w')
        try {
          for (const piece of pieces) await file.writeFile(piece)
        } finally {
          await file.close()
        }
      } catch (error) {
        throw diskFault(error, folder) ?? error
      }
    },
  }
}

/** Puts a published version's files into `<parentFolder>/<version>`, verified; returns that folder. */
export async function fetchVersion(
  blobs: BlobStore,
  { version, files }: ModelVersion,
  parentFolder: string,
): Promise<string> {
  const folder = join(parentFolder, version)
  await mkdir(folder, { recursive: true })
  for (const { name, sha256 } of files) await blobs.fetch(sha256, join(folder, name))
  return folder
}
