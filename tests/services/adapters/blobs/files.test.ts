import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createFileBlobStore } from '../../../../services/adapters/blobs/files.ts'

const root = mkdtempSync(join(tmpdir(), 'polyrank-files-'))
after(() => rmSync(root, { recursive: true }))

/** A store of its own with one file beside it. */
function begin(name: string, size = 100_000) {
  const folder = join(root, name)
  const file = join(root, `${name}.bin`)
  const bytes = randomBytes(size)
  writeFileSync(file, bytes)
  const blobs = createFileBlobStore(folder)
  return { folder, file, bytes, blobs, target: join(root, `${name}.fetched`) }
}
const placeOf = (folder: string, sha256: string) => join(folder, sha256.slice(0, 2), sha256)

const spoilers: readonly [string, (place: string, bytes: Buffer) => void][] = [
  ['has one bit turned', (place, bytes) => writeFileSync(place, bytes.with(5, bytes[5]! ^ 1))],
  ['was cut short', (place, bytes) => truncateSync(place, bytes.length - 1)],
  ['was emptied', (place) => truncateSync(place, 0)],
]
for (const [how, spoil] of spoilers) {
  test(`a blob that ${how} is refused, until the same bytes are put again`, async () => {
    const { folder, file, bytes, blobs, target } = begin(how.replaceAll(' ', '-'))
    const { sha256 } = await blobs.put(file)
    const place = placeOf(folder, sha256)
    spoil(place, bytes)

    await assert.rejects(blobs.fetch(sha256, target), { code: 'BLOB_CORRUPT', path: place })
    await blobs.put(file)
    await blobs.fetch(sha256, target)

    assert.deepEqual(readFileSync(target), bytes)
  })
}

/** Another process puts the file, and `fate` befalls it when half of it is copied. */
function putWith(fate: string, folder: string, file: string) {
  const script = `
    import fs from 'node:fs/promises'
    import { syncBuiltinESMExports } from 'node:module'
    fs.copyFile = async (from, to) => {
      const bytes = await fs.readFile(from)
      await fs.writeFile(to, bytes.subarray(0, bytes.length / 2))
      ${fate}
    }
    syncBuiltinESMExports()
    const { createFileBlobStore } = await import('./services/adapters/blobs/files.ts')
    await createFileBlobStore(${JSON.stringify(folder)}).put(${JSON.stringify(file)}).catch(({ code }) => console.log(code))`
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script]
  return spawnSync(process.execPath, args, { encoding: 'utf8' })
}

test('a process killed in the middle of a put leaves nothing that can be read, and the next put is whole', async () => {
  const { folder, file, bytes, blobs, target } = begin('killed')
  const { signal } = putWith(`process.kill(process.pid, 'SIGKILL')`, folder, file)
  const { sha256 } = await createFileBlobStore(join(root, 'elsewhere')).put(file)
  const left = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes(sha256))

  await assert.rejects(blobs.fetch(sha256, target), { code: 'BLOB_MISSING' })
  await blobs.put(file)
  await blobs.fetch(sha256, target)

  assert.equal(signal, 'SIGKILL')
  assert.equal(left.length, 1, 'half a copy under another name')
  assert.deepEqual(readFileSync(target), bytes)
})

test('a put that fails in the middle says why, and takes its half away', () => {
  const { folder, file } = begin('failed')

  const { stdout } = putWith(`throw Object.assign(new Error('no space'), { code: 'ENOSPC' })`, folder, file)

  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  assert.equal(stdout.trim(), 'DISK_FULL')
  assert.deepEqual(files, [])
})

test('a folder that is a file cannot be written, and the fault says which', async () => {
  const { file } = begin('in-the-way')
  const blobs = createFileBlobStore(file)

  await assert.rejects(blobs.put(file), { code: 'DATA_FOLDER_UNWRITABLE', path: file })
})
