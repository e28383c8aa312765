import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import type { Device, SessionOptions } from '../../../models/engine/device.ts'
import type { Program } from '../../../models/engine/program.ts'
import { defineRanker } from '../../../models/spec/define-ranker.ts'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import type { Trial } from '../../../pipelines/devices/ports.ts'
import { randomFeeds } from '../../../pipelines/devices/random-feeds.ts'
import { servingSubject, servingTrial } from '../../../pipelines/devices/serving-trial.ts'
import { trainingSubject, trainingTrial } from '../../../pipelines/devices/training-trial.ts'
import { smallRanker } from '../../flows/small-world.ts'

const settings = { precision: 'float32', threads: 1 } as const
const changed = (training: Partial<RankerDefinition['training']>) =>
  defineRanker({ ...smallRanker, training: { ...smallRanker.training, ...training } })
const [, ...otherFeatures] = smallRanker.features
const fewerFeatures = defineRanker({ ...smallRanker, features: otherFeatures })

/** The processor under a name, with what it was asked to open. */
function listeningDevice(name: Device['name']) {
  const asked: { program: Program; options: SessionOptions }[] = []
  const device: Device = {
    ...cpu,
    name,
    open(program, options) {
      asked.push({ program, options })
      return cpu.open(program, { ...options, precision: 'float32' })
    },
  }
  return { device, asked }
}

async function run(trial: Trial, device: Device, times = 1) {
  const session = await trial.open(device)
  try {
    for (let i = 1; i < times; i++) await session.run(trial.feeds())
    const outputs = await session.run(trial.feeds())
    return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, [...values]]))
  } finally {
    await session.close()
  }
}

test('a trial of training is the step that trains: batch, losses, gradients, in the precision and threads asked for', async () => {
  const { device, asked } = listeningDevice('tensorflow')

  const outputs = await run(trainingTrial(smallRanker, { precision: 'bfloat16', threads: 3 }), device)

  const [{ program, options }] = asked as [(typeof asked)[number]]
  assert.deepEqual([options.precision, options.threads], ['bfloat16', 3])
  const labels = program.values[program.inputs.find(({ name }) => name === 'labels')!.value]!
  assert.deepEqual(labels.shape, [smallRanker.training.batchSize, smallRanker.tasks.length])
  assert.deepEqual(Object.keys(outputs).sort(), [
    'gradient.candidate.deep',
    'gradient.candidate.wide',
    'gradient.request.deep',
    'gradient.request.wide',
    'losses',
  ])
  assert.ok(outputs.losses!.every((loss) => Number.isFinite(loss) && loss > 0))
  assert.ok(options.state!.weights!.some((weight) => weight !== 0))
})

test('steps of a trial stay finite, so that no device is timed on numbers that training has not', async () => {
  const outputs = await run(trainingTrial(smallRanker, settings), cpu, 40)

  for (const values of Object.values(outputs)) assert.ok(values.every(Number.isFinite))
})

test('a trial of serving scores one request of 256 candidates, on any device the same', async () => {
  const held = listeningDevice('tensorflow')
  const constant = listeningDevice('cpu')

  const [byState, byConstants] = [
    await run(servingTrial(smallRanker, settings), held.device, 2),
    await run(servingTrial(smallRanker, settings), constant.device, 2),
  ]

  assert.equal(byState.scores!.length, 256 * smallRanker.tasks.length)
  assert.deepEqual(byConstants, byState)
  assert.ok(new Set(byState.scores).size > 2)
  // What the processor serves from has its weights inside; elsewhere they are kept between runs.
  assert.equal(constant.asked[0]!.program.state.length, 0)
  assert.ok(held.asked[0]!.program.state.every(({ from, to }) => from === to))
})

test('what decides the speed of a step is in its key, and what does not is not', () => {
  const keyOf = (definition: RankerDefinition, changes: Partial<Parameters<typeof trainingSubject>[1]> = {}) =>
    trainingSubject(definition, { ...settings, ...changes }).key
  const key = keyOf(smallRanker)

  const slower = [
    keyOf(fewerFeatures),
    keyOf(changed({ batchSize: 64 })),
    keyOf(changed({ optimizer: { kind: 'sgd' } })),
    keyOf(changed({ clipNorm: 1 })),
    keyOf(smallRanker, { precision: 'bfloat16' }),
    keyOf(smallRanker, { threads: 2 }),
  ]
  assert.equal(new Set([key, ...slower]).size, 7)
  for (const same of [changed({ epochs: 3 }), changed({ seed: 9 }), changed({ rate: 0.1 })])
    assert.equal(keyOf(same), key)
  const served = servingSubject(smallRanker, settings).key
  const otherwise = [servingSubject(fewerFeatures, settings).key, servingSubject(smallRanker, { threads: 2 }).key]
  assert.equal(new Set([served, ...otherwise]).size, 3)
  assert.equal(servingSubject(changed({ batchSize: 64 }), settings).key, served)
})

test('a subject is found without the trial, and is of the same ranker and purpose', () => {
  const { purpose, ranker, key } = trainingTrial(smallRanker, settings)

  assert.deepEqual({ purpose, ranker, key }, trainingSubject(smallRanker, settings))
  assert.deepEqual([purpose, ranker, servingTrial(smallRanker, settings).purpose], ['training', 'small', 'serving'])
})

test('random feeds fit the inputs, are the same each time, and look up rows that there are', () => {
  const program: Program = {
    values: [
      { shape: [50, 2], dtype: 'float32' },
      { shape: [200], dtype: 'int32' },
      { shape: [0], dtype: 'float32' },
    ],
    nodes: [],
    constants: new Map(),
    inputs: [
      { name: 'numbers', value: 0 },
      { name: 'rows', value: 1 },
      { name: 'none', value: 2 },
    ],
    outputs: [],
    state: [],
  }

  const feeds = randomFeeds(program, 7)

  assert.deepEqual(Object.keys(feeds), ['numbers', 'rows', 'none'])
  assert.deepEqual([feeds.numbers!.length, feeds.none!.length], [100, 0])
  assert.ok(feeds.numbers!.every((value) => value >= 0 && value < 1) && new Set(feeds.numbers).size > 90)
  assert.deepEqual([...new Set(feeds.rows)].sort(), [0, 1, 2, 3, 4, 5, 6])
  assert.deepEqual(randomFeeds(program, 7), feeds)
})
