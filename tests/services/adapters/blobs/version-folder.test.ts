import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createFileBlobStore } from '../../../../services/adapters/blobs/files.ts'
import { createVersionFolder, fetchVersion } from '../../../../services/adapters/blobs/version-folder.ts'
import { versionOf } from '../../../contracts/versions.ts'

const root = mkdtempSync(join(tmpdir(), 'polyrank-versions-'))
after(() => rmSync(root, { recursive: true }))
const bytes = (...values: readonly number[]) => Uint8Array.from(values)

test('a folder for a version is empty, and a file is its pieces in order', async () => {
  const folder = join(root, 'deep', 'version')
  const older = await createVersionFolder(folder)
  await older.write('left.over', [bytes(9)])

  const { write } = await createVersionFolder(folder)
  await write('weights', [bytes(1, 2), bytes(), bytes(3)])

  assert.deepEqual(readdirSync(folder), ['weights'])
  assert.deepEqual(Uint8Array.from(readFileSync(join(folder, 'weights'))), bytes(1, 2, 3))
})

test('a file that is taken back is gone, and the others stay', async () => {
  const folder = join(root, 'taken')
  const { write, remove } = await createVersionFolder(folder)
  await write('kept', [bytes(1)])
  await write('refused', [bytes(2)])

  await remove('refused')

  assert.deepEqual(readdirSync(folder), ['kept'])
})

test('a folder that cannot be made says why', async () => {
  writeFileSync(join(root, 'file'), '')

  const making = createVersionFolder(join(root, 'file', 'version'))

  await assert.rejects(making, { code: 'DATA_FOLDER_UNWRITABLE' })
})

test('a published version is fetched into a folder of its name, file by file', async () => {
  const blobs = createFileBlobStore(join(root, 'blobs'))
  const contents = { 'weights.safetensors': bytes(1, 2), 'manifest.json': bytes(3) }
  const files = await Promise.all(
    Object.entries(contents).map(async ([name, content]) => {
      writeFileSync(join(root, name), content)
      return { name, ...(await blobs.put(join(root, name))) }
    }),
  )
  const version = versionOf('fetched', { files })

  const folder = await fetchVersion(blobs, version, join(root, 'serving'))

  assert.equal(folder, join(root, 'serving', 'fetched'))
  for (const [name, content] of Object.entries(contents)) {
    assert.deepEqual(Uint8Array.from(readFileSync(join(folder, name))), content)
  }
})

test('a version with a file that is lost is not fetched', async () => {
  const blobs = createFileBlobStore(join(root, 'blobs'))

  const fetching = fetchVersion(blobs, versionOf('lost'), join(root, 'serving'))

  await assert.rejects(fetching, { code: 'BLOB_MISSING' })
})
