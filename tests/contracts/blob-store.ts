import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { BlobStore } from '../../pipelines/promotion/ports.ts'

/** What every blob store keeps to. */
export function blobStoreContract(open: () => Promise<BlobStore>): void {
  const folder = mkdtempSync(join(tmpdir(), 'polyrank-blobs-'))
  after(() => rmSync(folder, { recursive: true }))
  const fileOf = (name: string, bytes: Uint8Array): string => {
    const file = join(folder, name)
    writeFileSync(file, bytes)
    return file
  }

  for (const size of [0, 1, 3_000_001]) {
    test(`a file of ${size} bytes is stored under its hash, and fetched as it was`, async () => {
      const blobs = await open()
      const bytes = randomBytes(size)

      const stored = await blobs.put(fileOf(`size-${size}`, bytes))
      const target = join(folder, 'fetched', String(size), 'deep', 'file')
      await blobs.fetch(stored.sha256, target)

      assert.deepEqual(stored, { sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: size })
      assert.deepEqual(readFileSync(target), bytes)
    })
  }

  test('a blob that is not there is missing, and nothing appears where it was wanted', async () => {
    const blobs = await open()
    const target = join(folder, 'wanted')

    const fetching = blobs.fetch('0'.repeat(64), target)

    await assert.rejects(fetching, { code: 'BLOB_MISSING' })
    assert.ok(!readdirSync(folder).includes('wanted'))
  })

  test('the same bytes put at once from many places are one blob', async () => {
    const blobs = await open()
    const bytes = randomBytes(500_000)
    const files = Array.from({ length: 8 }, (_, i) => fileOf(`same-${i}`, bytes))

    const stored = await Promise.all(files.map((file) => blobs.put(file)))
    for (const file of files) rmSync(file)
    await blobs.fetch(stored[0]!.sha256, join(folder, 'same'))

    assert.equal(new Set(stored.map(({ sha256 }) => sha256)).size, 1)
    assert.deepEqual(readFileSync(join(folder, 'same')), bytes)
  })

  test('a blob is fetched over what was there before, by several at once, and spoils no other blob', async () => {
    const blobs = await open()
    const contents = [randomBytes(400_000), randomBytes(300_000)]
    const [older, newer] = await Promise.all(contents.map((bytes, i) => blobs.put(fileOf(`version-${i}`, bytes))))
    const place = join(folder, 'place')
    const target = join(place, 'target')
    await blobs.fetch(older!.sha256, target)

    await Promise.all([older, newer, older, newer].map((blob) => blobs.fetch(blob!.sha256, target)))
    await blobs.fetch(newer!.sha256, target)
    const left = readdirSync(place)
    for (const blob of [newer, older]) await blobs.fetch(blob!.sha256, join(folder, blob!.sha256))

    assert.deepEqual(left, ['target'])
    assert.deepEqual(readFileSync(target), contents[1])
    assert.deepEqual(readFileSync(join(folder, older!.sha256)), contents[0])
  })
}
