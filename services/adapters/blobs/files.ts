import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { copyFile, link, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Fault } from '../../../models/spec/fault.ts'
import type { BlobStore } from '../../../pipelines/promotion/ports.ts'
import { onDisk } from '../disk-faults.ts'

/** Blobs as files named by their hash, in `folder`. */
export function createFileBlobStore(folder: string): BlobStore {
  const placeOf = (sha256: string) => join(folder, sha256.slice(0, 2), sha256)
  return {
    put: (file) =>
      onDisk(folder, async () => {
        const sha256 = await hashOf(file)
        const { size } = await stat(file)
        const place = placeOf(sha256)
        // One that was spoilt since is replaced, so that training again mends what it should.
        if (!(await exists(place)) || (await hashOf(place)) !== sha256) await store(file, place)
        return { sha256, sizeBytes: size }
      }),
    async fetch(sha256, target) {
      const place = placeOf(sha256)
      if (!(await exists(place))) {
        throw new Fault(
          'BLOB_MISSING',
          `The blob ${sha256} is not in ${folder}. Restore the folder from a copy, or train again.`,
          { path: place },
        )
      }
      if ((await hashOf(place)) !== sha256) {
        throw new Fault(
          'BLOB_CORRUPT',
          `The blob ${sha256} does not have that hash any more. Restore it from a copy, or train again.`,
          { path: place },
        )
      }
      await onDisk(dirname(target), async () => {
        await mkdir(dirname(target), { recursive: true })
        const unfinished = `${target}.${randomUUID()}`
        try {
          // Another file system refuses links.
          await link(place, unfinished).catch(() => copyFile(place, unfinished))
          // Never written over: what was there may be another blob's link.
          await rename(unfinished, target)
        } finally {
          await rm(unfinished, { force: true })
        }
      })
    },
  }
}

/** Whole and on the disk before it has its name. */
async function store(file: string, place: string): Promise<void> {
  await mkdir(dirname(place), { recursive: true })
  const unfinished = `${place}.${randomUUID()}`
  try {
    await copyFile(file, unfinished)
    const handle = await open(unfinished, 'r+')
    await handle.sync()
    await handle.close()
    await rename(unfinished, place)
  } finally {
    await rm(unfinished, { force: true })
  }
}

const exists = (file: string) =>
  stat(file).then(
    () => true,
    () => false,
  )

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
