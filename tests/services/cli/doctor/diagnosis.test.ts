import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Diagnosis, diagnose, reportOf } from '../../../../services/cli/doctor/diagnosis.ts'
import { bare, here, noWebgpu, timed, usesWith, withTensorflow } from './findings.ts'

const found: Omit<Diagnosis, 'problems'> = {
  machine: {
    node: '20.20.2',
    processor: 'Some Processor',
    extensions: ['AVX2', 'AMX bfloat16'],
    cores: 2,
    memoryBytes: 8 * 2 ** 30,
    freeBytes: 512 * 2 ** 20,
  },
  devices: bare,
  configuration: '/srv/polyrank.config.ts',
  uses: usesWith({}),
  data: {
    folder: '/srv/.polyrank',
    isThere: true,
    sizeBytes: 140 * 2 ** 20,
    freeBytes: 65.25 * 2 ** 30,
    problem: null,
    database: { isRunning: true, version: '17.5' },
  },
  servers: [],
}

test('a machine on which all can work is a page that people can read', () => {
  assert.equal(
    reportOf(diagnose(found, [])),
    `Machine
  Node.js    20.20.2
  processor  Some Processor, AVX2, AMX bfloat16
  cores      2
  memory     8.0 GB, 512 MB free

Devices
  cpu         Runtime of cpu 1.2.3 on Some Processor; float32
  tensorflow  not here: It is not installed. \`npm run setup:tensorflow\` installs it.
  webgpu      not here: This machine has no adapter.

Rankers of /srv/polyrank.config.ts
  small  training  cpu  float32, 2 threads  the default
         serving   cpu  float32, 1 thread   the default

Data
  folder    /srv/.polyrank, 140 MB
  disk      65.3 GB free, writable
  database  embedded PostgreSQL 17.5, running

All that is configured can work.`,
  )
})

test('what cannot work is marked, and said once, at the end', () => {
  const uses = usesWith({ training: { device: 'tensorflow' } })
  const again = uses.map((use) => ({ ...use, ranker: 'other' }))
  const data = { ...found.data, isThere: false, problem: '/srv/.polyrank cannot be written (EACCES).' }

  const diagnosis = diagnose({ ...found, uses: [...uses, ...again], data }, ['PORT is "eighty".'])

  assert.deepEqual(diagnosis.problems, ['PORT is "eighty".', uses[0].problem, data.problem])
  const report = reportOf(diagnosis)
  assert.match(report, /^ {2}small {2}training {2}tensorflow {2}float32, 2 threads {2}cannot work$/m)
  assert.match(report, /^ {2}folder {4}\/srv\/\.polyrank, made at the first start\n {2}disk .*, not writable$/m)
  assert.ok(report.endsWith(`\n\nTo do\n  PORT is "eighty".\n  ${uses[0].problem}\n  ${data.problem}`), report)
})

test('servers that settings name are told of, and what they lack at the end', () => {
  const servers: Diagnosis['servers'] = [
    { server: 'PostgreSQL', address: 'db:5432/ranks', about: ['version 17.5', 'its tables are there'], problem: null },
    { server: 'Kafka', address: 'one:9092, two:9092', about: [], problem: 'Kafka does not answer.' },
  ]

  const diagnosis = diagnose({ ...found, data: { ...found.data, database: null }, servers }, [])

  assert.ok(
    reportOf(diagnosis).endsWith(`
Data
  folder  /srv/.polyrank, 140 MB
  disk    65.3 GB free, writable

Servers
  PostgreSQL  at db:5432/ranks       version 17.5; its tables are there
  Kafka       at one:9092, two:9092  cannot work

To do
  Kafka does not answer.`),
    reportOf(diagnosis),
  )
})

test('what a device lacks is said once', () => {
  const notes = ['No graphics processor is here.', 'No compiler is here.']
  const devices = [
    here('cpu', ['float32']),
    here('tensorflow', ['float32'], ...notes),
    here('webgpu', ['float32'], notes[0]!),
  ]

  const report = reportOf(diagnose({ ...found, devices }, []))

  assert.match(report, /^ {2}tensorflow {2}Runtime .*\n {14}No graphics .*\n {14}No compiler .*\n {2}webgpu .*\n\n/m)
})

test('what the automatic choice found stands beside its device', () => {
  const uses = usesWith({ training: { device: 'auto' }, serving: { device: 'auto' } }, withTensorflow, (_, purpose) =>
    purpose === 'training' ? timed : null,
  )

  const report = reportOf(diagnose({ ...found, uses, devices: withTensorflow }, []))

  assert.match(report, /training {2}tensorflow {2}float32, 2 threads {2}28 ms a step against 40 on cpu$/m)
  assert.match(report, /serving {3}auto {8}float32, 1 thread {3}not timed yet/)
})

test('without a configuration that can be read there are no rankers to tell of', () => {
  const report = reportOf(diagnose({ ...found, uses: [], devices: [...bare.slice(0, 1), noWebgpu] }, ['It is broken.']))

  assert.doesNotMatch(report, /Rankers/)
  assert.ok(report.endsWith('\n\nTo do\n  It is broken.'))
})
