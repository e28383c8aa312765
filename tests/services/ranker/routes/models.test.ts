import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../../../../models/spec/fault.ts'
import type { ModelVersion } from '../../../../pipelines/promotion/ports.ts'
import { smallRanker } from '../../../flows/small-world.ts'
import { fakeService, servingLive, testApp } from '../fake-service.ts'

const version: ModelVersion = {
  version: 'v1',
  ranker: 'small',
  definitionHash: 'hash',
  definition: smallRanker,
  parent: null,
  metrics: { click: { auc: 0.75, gauc: Number.NaN } },
  trainedFromMs: 0,
  trainedToMs: 1_000,
  examples: 40,
  files: [],
  readAtMs: 2_000,
  createdAtMs: 3_000,
}

test('versions are listed by ranker with their metrics; one that could not be measured is null', async () => {
  const { registry } = fakeService()
  const { app } = await testApp({
    definitions: [smallRanker, { ...smallRanker, name: 'other' }],
    registry: { ...registry, list: async (ranker) => [{ ...version, ranker, version: `${ranker}-1` }] },
  })

  const { models } = (await app.inject({ url: '/v1/models' })).json()

  assert.deepEqual(
    models.map((model: ModelVersion) => model.version),
    ['small-1', 'other-1'],
  )
  assert.deepEqual(models[0], {
    version: 'small-1',
    ranker: 'small',
    definitionHash: 'hash',
    parent: null,
    startedFrom: null,
    learntErasedAt: null,
    metrics: { click: { auc: 0.75, gauc: null } },
    quantization: null,
    trainedFrom: '1970-01-01T00:00:00.000Z',
    trainedTo: '1970-01-01T00:00:01.000Z',
    examples: 40,
    createdAt: '1970-01-01T00:00:03.000Z',
  })
  await app.close()
})

test('a version that was measured in int8 shows what that costs it', async () => {
  const { registry } = fakeService()
  const bounds = { mostScoreChange: 0.02, mostMetricLoss: 0.001 }
  const refusals = ['click: a score changes by 0.5000, more than 0.02']
  const shown = { precision: 'int8' as const, bounds, refusals, weights: ['expert.weight'], examples: 40 }
  const quantization = {
    ...shown,
    scoreChanges: { click: { most: 0.5, mean: Number.NaN } },
    sameOrder: Number.NaN,
    metrics: { click: { auc: 0.5 } },
    metricChanges: { click: { auc: -0.25, gauc: Number.NaN } },
  }
  const { app } = await testApp({ registry: { ...registry, list: async () => [{ ...version, quantization }] } })

  const { models } = (await app.inject({ url: '/v1/models' })).json()

  assert.deepEqual(models[0].quantization, {
    ...shown,
    scoreChanges: { click: { most: 0.5, mean: null } },
    sameOrder: null,
    metrics: { click: { auc: 0.5 } },
    metricChanges: { click: { auc: -0.25, gauc: null } },
  })
  await app.close()
})

test('rankers are listed with what serves them, and why the newest does not', async () => {
  const fault = new Fault('VERSION_CORRUPT', 'A file is broken.', { status: 409 })
  const state = { ranker: 'small', definitionHash: 'hash', tasks: ['click'], modelVersion: 'v1' }
  const { app } = await testApp({
    live: {
      ...servingLive,
      states: () => [
        { ...state, fault: null },
        { ...state, ranker: 'other', fault },
      ],
    },
  })

  assert.deepEqual((await app.inject({ url: '/v1/rankers' })).json(), {
    rankers: [
      { ...state, fault: null },
      { ...state, ranker: 'other', fault: { code: 'VERSION_CORRUPT', message: 'A file is broken.' } },
    ],
  })
  await app.close()
})

test('a version is activated by its name, percent-encoded or not', async () => {
  const { app } = await testApp()

  const answer = await app.inject({ method: 'POST', url: '/v1/models/0a%2D1b/activate' })

  assert.deepEqual(answer.json(), {
    ranker: 'small',
    version: '0a-1b',
    reason: 'activated by request',
    activatedAt: '1970-01-01T00:00:00.000Z',
  })
  await app.close()
})
