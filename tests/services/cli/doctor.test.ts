import assert from 'node:assert/strict'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { defaultEngine } from '../../../models/spec/engine-settings.ts'
import { recallVerdict } from '../../../pipelines/devices/choose-device.ts'
import { servingSubject } from '../../../pipelines/devices/serving-trial.ts'
import { trainingSubject } from '../../../pipelines/devices/training-trial.ts'
import { choosingContext } from '../../../services/adapters/devices/configured.ts'
import { startEmbeddedPostgres } from '../../../services/adapters/embedded/start.ts'
import type { Diagnosis } from '../../../services/cli/doctor/diagnosis.ts'
import { temporaryFolder } from '../../flows/process.ts'
import { smallRanker, writeConfig } from '../../flows/small-world.ts'
import { polyrank } from './command-line.ts'

const doctor = (folder: string, ...words: readonly string[]) =>
  polyrank(['doctor', ...words], { POLYRANK_DATA: join(folder, 'data') }, folder)

test('where nothing runs and nothing is configured, all can work, and nothing is written', async () => {
  const folder = temporaryFolder()

  const { output, code } = await doctor(folder)

  assert.equal(code, 0, output)
  assert.match(output, /^Machine\n {2}Node\.js {4}\d+\./)
  assert.match(output, /^ {2}cpu {9}ONNX Runtime \d/m)
  assert.match(
    output,
    /^Rankers of the bundled sample\n {2}home {2}training {2}cpu {2}float32, 2 threads {2}the default/m,
  )
  assert.match(output, /database {2}embedded, not running/)
  assert.match(output, /\n\nAll that is configured can work\.\n$/)
  assert.ok(!existsSync(join(folder, 'data')))
})

test('beside a running database it asks it, and leaves it and its folder alone', async (t) => {
  const folder = temporaryFolder()
  writeConfig(folder)
  const dataFolder = join(folder, 'data')
  const database = await startEmbeddedPostgres({ dataFolder, onStopped: (fault) => assert.fail(fault.message) })
  t.after(database.close)

  const { output, code } = await doctor(folder, '--json')

  assert.equal(code, 0, output)
  const { data, uses, configuration } = JSON.parse(output) as Diagnosis
  assert.deepEqual([data.isThere, data.database!.isRunning, data.problem], [true, true, null])
  assert.ok(data.sizeBytes > 2 ** 20 && /^\d+\./.test(data.database!.version!))
  assert.deepEqual(
    uses.map(({ ranker, purpose, device, verdict }) => [ranker, purpose, device, verdict]),
    [
      ['small', 'training', 'cpu', null],
      ['small', 'serving', 'cpu', null],
    ],
  )
  assert.equal(configuration, join(folder, 'polyrank.config.ts'))
  const client = new pg.Client(database.connection)
  await client.connect()
  assert.equal((await client.query('select 1 as one')).rows[0].one, 1)
  await client.end()
})

test('what is configured wrongly exits 1 with the line that says what to do', async () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'polyrank.config.ts'), "export const engine = { training: { device: 'gpu' } }\n")

  const { output, code } = await polyrank(['doctor'], { POLYRANK_DATA: join(folder, 'data'), PORT: 'eighty' }, folder)

  assert.equal(code, 1)
  assert.match(
    output,
    /^To do\n {2}PORT is "eighty"; it must be .*\n {2}.*engine\.training\.device is "gpu"; it must be one/m,
  )
  assert.match(output, /^Machine$/m)
})

test('asked to time, it times what is here now, and remembers it for the automatic choice', async () => {
  const folder = temporaryFolder()
  writeConfig(folder)

  const { output, errors, code } = await doctor(folder, '--time', '--json')

  assert.equal(code, 0, output)
  assert.match(errors, /Timing/)
  const { uses } = JSON.parse(output) as Diagnosis
  const context = choosingContext(join(folder, 'data'))
  const subjects = [
    trainingSubject(smallRanker, defaultEngine.training),
    servingSubject(smallRanker, defaultEngine.serving),
  ]
  for (const [i, { verdict }] of uses.entries()) {
    assert.deepEqual(await recallVerdict(subjects[i]!, context), verdict)
    const seen = [...verdict!.timed, ...verdict!.refused].map(({ device }) => device)
    // One that is alone is not timed.
    assert.deepEqual([...new Set([verdict!.device, ...seen])].sort(), ['cpu', 'tensorflow'])
  }
})
