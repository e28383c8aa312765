import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DeviceVerdict } from '../../../../pipelines/devices/ports.ts'
import { createVerdictMemory, verdictsFile } from '../../../../services/adapters/devices/memory.ts'
import { temporaryFolder } from '../../../flows/process.ts'

const root = temporaryFolder()
let folders = 0
const aFolder = () => join(root, String(folders++))

const verdict: DeviceVerdict = {
  device: 'tensorflow',
  timed: [
    { device: 'tensorflow', ms: 28.25 },
    { device: 'cpu', ms: 40 },
  ],
  refused: [],
}
const alone: DeviceVerdict = {
  device: 'cpu',
  timed: [],
  refused: [{ device: 'tensorflow', reason: 'TensorFlow is not installed.' }],
}

test('verdicts outlive the process, in a folder that is made for them', async () => {
  const folder = aFolder()
  await createVerdictMemory(folder).keep('training home 1', verdict)
  await createVerdictMemory(folder).keep('serving home 1', alone)

  const later = createVerdictMemory(folder)

  assert.deepEqual(await later.recall('training home 1'), verdict)
  assert.deepEqual(await later.recall('serving home 1'), alone)
  assert.equal(await later.recall('training home 2'), null)
  assert.deepEqual(readdirSync(folder), [verdictsFile])
})

test('a later verdict takes the place of an earlier one', async () => {
  const memory = createVerdictMemory(aFolder())
  await memory.keep('training home 1', verdict)

  await memory.keep('training home 1', alone)

  assert.deepEqual(await memory.recall('training home 1'), alone)
})

test('only the newest are kept', async () => {
  const folder = aFolder()
  const memory = createVerdictMemory(folder)
  for (let i = 0; i < 10; i++) await memory.keep(`training home ${i}`, verdict)
  await memory.keep('training home 0', alone)
  for (let i = 10; i < 70; i++) await memory.keep(`training home ${i}`, verdict)

  const kept = Object.keys(JSON.parse(readFileSync(join(folder, verdictsFile), 'utf8')))

  const newest = [7, 8, 9, 0, ...Array.from({ length: 60 }, (_, i) => i + 10)]
  assert.deepEqual(
    kept,
    newest.map((i) => `training home ${i}`),
  )
})

test('what is no verdict is as if it were not there, and the next one is kept', async () => {
  const folder = aFolder()
  mkdirSync(folder)
  const file = join(folder, verdictsFile)
  const memory = createVerdictMemory(folder)

  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string(),
        fc.jsonValue().map((value) => JSON.stringify({ key: value, other: verdict })),
        fc.constantFrom('{"key": {"device": "gpu", "timed": [], "refused": []}}', '[null]', 'null', '{"key": {'),
      ),
      async (text) => {
        writeFileSync(file, text)
        assert.equal(await memory.recall('key'), null)
        await memory.keep('key', alone)
        assert.deepEqual(await memory.recall('key'), alone)
      },
    ),
    { numRuns: 200 },
  )
})

test('where nothing can be written the fault says so', async () => {
  const file = join(root, 'a file')
  writeFileSync(file, '')

  await assert.rejects(createVerdictMemory(join(file, 'data')).keep('key', verdict), { code: 'DATA_FOLDER_UNWRITABLE' })
})
