import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCheckpointFolder } from '../../../services/trainer/checkpoint-folder.ts'
import { temporaryFolder } from '../../flows/process.ts'
import { checkpointOf } from './small-checkpoint.ts'

const tensorsFileOf = (folder: string) => readdirSync(folder).find((file) => file.endsWith('.safetensors'))!
const unreadable = (folder: string, why: RegExp) => ({
  name: 'Fault',
  code: 'CHECKPOINT_UNREADABLE',
  path: folder,
  message: why,
})

test('what was written last is read, to the bit, and nothing else stays', async () => {
  const folder = join(temporaryFolder(), 'not', 'there', 'yet')
  const store = createCheckpointFolder(folder)
  assert.equal(store.place, folder)
  assert.equal(await store.read(), null)

  for (const step of [1, 2, 3]) {
    await store.write(checkpointOf(step))
    assert.deepEqual(await createCheckpointFolder(folder).read(), checkpointOf(step))
  }
  assert.deepEqual(readdirSync(folder).sort(), [tensorsFileOf(folder), 'checkpoint.json'].sort())
})

test('whatever a crash leaves of the next one, the last is whole, and the one after clears it away', async () => {
  const folder = temporaryFolder()
  const store = createCheckpointFolder(folder)
  await store.write(checkpointOf(1))
  const whole = join(folder, tensorsFileOf(folder))
  const left: readonly (() => void)[] = [
    () => writeFileSync(join(folder, 'a.safetensors'), ''),
    () => {
      copyFileSync(whole, join(folder, 'b.safetensors'))
      truncateSync(join(folder, 'b.safetensors'), statSync(whole).size / 2)
    },
    () => writeFileSync(join(folder, 'checkpoint.json.unfinished'), '{"formatVersion": 1, "tens'),
  ]
  for (const leave of left) {
    leave()
    assert.deepEqual(await store.read(), checkpointOf(1))
  }

  await store.write(checkpointOf(2))
  assert.equal(readdirSync(folder).length, 2)
})

test('a process that is killed while it writes leaves the checkpoint before or the one that it wrote', async () => {
  const folder = temporaryFolder()
  let last = 0
  for (const turns of [0, 30, 300, 1_000, 3_000]) {
    const args = [folder, String(last + 1), String(turns)]
    const child: ChildProcess = fork(join(import.meta.dirname, 'write-checkpoints.ts'), args, {
      execArgv: ['--import', import.meta.resolve('tsx')],
    })
    const before = last
    child.on('message', (step: number) => {
      last = step
      if (step > before) child.kill('SIGKILL')
    })
    await once(child, 'exit')

    const { step } = (await createCheckpointFolder(folder).read())!.facts
    assert.ok(step >= last, `step ${step}, after ${last} was written`)
    assert.deepEqual(await createCheckpointFolder(folder).read(), checkpointOf(step))
    last = step
  }
})

test('a checkpoint that is spoilt, or of another format, is not read as another', async () => {
  const folder = temporaryFolder()
  const store = createCheckpointFolder(folder)
  await store.write(checkpointOf(1))
  const [facts, tensors] = [join(folder, 'checkpoint.json'), join(folder, tensorsFileOf(folder))]
  const text = readFileSync(facts, 'utf8')

  writeFileSync(facts, text.slice(0, 50))
  await assert.rejects(store.read(), unreadable(folder, /JSON/))
  writeFileSync(facts, text.replace('"formatVersion": 1', '"formatVersion": 2'))
  await assert.rejects(store.read(), unreadable(folder, /format 2 is not known/))
  writeFileSync(facts, text)
  truncateSync(tensors, statSync(tensors).size - 1)
  await assert.rejects(store.read(), unreadable(folder, /not a whole safetensors file/))
})

test('a checkpoint whose tensors are gone is told from none', async () => {
  const folder = temporaryFolder()
  const store = createCheckpointFolder(folder)
  await store.write(checkpointOf(1))
  rmSync(join(folder, tensorsFileOf(folder)))

  await assert.rejects(store.read(), unreadable(folder, /no such file/))
})

test('a folder that cannot be written says so', async () => {
  const file = join(temporaryFolder(), 'file')
  writeFileSync(file, '')

  await assert.rejects(createCheckpointFolder(join(file, 'checkpoint')).write(checkpointOf(1)), {
    code: 'DATA_FOLDER_UNWRITABLE',
  })
})
