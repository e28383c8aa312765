import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineRanker } from '../../../models/spec/define-ranker.ts'
import type { RankingInput, SlateExamples } from '../../../models/spec/slate.ts'
import type { Activation, ModelVersion } from '../../../pipelines/promotion/ports.ts'
import { type Champion, type PromotionContext, promote } from '../../../pipelines/promotion/promote.ts'
import type { Manifest } from '../../../pipelines/training/version.ts'

const definition = defineRanker({
  name: 'home',
  features: [{ kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 8 } }],
  tasks: [{ name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: 1_000, scoreWeight: 1 }],
})
const manifest: Manifest = {
  ...{ formatVersion: 1, version: 'new', ranker: 'home', definition, definitionHash: 'h1' },
  ...{ statistics: { rates: {}, numbers: {} }, calibration: {}, metrics: { click: { auc: 0.7 } } },
  ...{ parent: null, trainedFromMs: 1, trainedToMs: 1_000, examples: 900, epochs: 2, buckets: [16] },
  golden: { inputs: [], scores: [] },
  files: [{ name: 'weights.safetensors', sha256: 'said', sizeBytes: 1 }],
}

/** Slates of 3 candidates of which the last and the first were shown, in that order; the last is clicked. */
const slates: readonly SlateExamples[] = Array.from({ length: 60 }, (_, i) => ({
  slateId: `s${i}`,
  input: {
    ...{ userId: `u${i}`, occurredAtMs: 1_000 + i, user: {}, context: {}, history: [], userTally: null },
    candidates: ['a', 'b', 'c'].map((itemId) => ({ itemId, features: {}, tally: null, userItemTally: null })),
  },
  impressions: [2, 0].map((candidate, position) => ({ candidate, position, feedback: [] })),
  watermarkMs: 9_000,
}))
/** Holdout of those slates, scored `right` for what happened and the rest for what did not. */
const trainedWith = (right: number): PromotionContext['trained'] => ({
  holdout: {
    slates,
    labels: Float32Array.from({ length: 120 }, (_, row) => 1 - (row % 2)),
    known: new Float32Array(120).fill(1),
    scores: Float32Array.from({ length: 120 }, (_, row) => (row % 2 === 0 ? right : 1 - right)),
    users: Int32Array.from({ length: 120 }, (_, row) => row >> 1),
    baseRates: [0.5],
  },
})
/** Knows that `c` is clicked, as far as `right` says; writes down what it is asked. */
function championWith(right: number, trainedToMs = 0): Champion & { readonly asked: RankingInput[] } {
  const asked: RankingInput[] = []
  return {
    ...{ version: 'old', tasks: ['click'], trainedToMs, asked },
    async score(input) {
      asked.push(input)
      return Float32Array.from(input.candidates, ({ itemId }) => (itemId === 'c' ? right : 1 - right))
    },
  }
}

function setting(trained: PromotionContext['trained'], champion: Champion | null, active: string | null = 'old') {
  const steps: string[] = []
  const published: ModelVersion[] = []
  const activations: Activation[] =
    active === null ? [] : [{ ranker: 'home', version: active, reason: '', activatedAtMs: 0 }]
  const context: PromotionContext = {
    ...{ trained, manifest, champion, readAtMs: 77, nowMs: () => 99, fileOf: (name) => `/written/${name}` },
    blobs: {
      async put(file) {
        steps.push(`put ${file}`)
        return { sha256: `sha of ${file}`, sizeBytes: 5 }
      },
      fetch: async () => assert.fail('nothing is fetched'),
    },
    registry: {
      async publish(version) {
        steps.push(`publish ${version.version}`)
        if (!published.some((each) => each.version === version.version)) published.push(version)
      },
      async activate(activation) {
        steps.push(`activate ${activation.version}`)
        activations.push(activation)
      },
      find: async () => assert.fail('nothing is looked up'),
      list: async () => published,
      active: async () => activations.at(-1) ?? null,
    },
  }
  return { context, steps, published, activations }
}
const files = ['put /written/weights.safetensors', 'put /written/manifest.json']

test('a version whose predecessor does not open any more says so', async () => {
  const { context, activations } = setting(trainedWith(0.9), null, null)

  await promote({ ...context, manifest: { ...context.manifest, parent: 'old' } })

  assert.equal(activations[0]!.reason, 'replaces old, which does not open any more')
})

test('a first version that beats the base rates is stored, published and activated, in this order', async () => {
  const { context, steps, published, activations } = setting(trainedWith(0.9), null, null)

  const result = await promote(context)

  assert.deepEqual([result.version, result.activated], ['new', true])
  assert.deepEqual(steps, [...files, 'publish new', 'activate new'])
  assert.deepEqual(activations, [{ ranker: 'home', version: 'new', reason: 'first version', activatedAtMs: 99 }])
  const { readAtMs, createdAtMs, files: stored, trainedToMs, parent } = published[0]!
  assert.deepEqual([readAtMs, createdAtMs, trainedToMs, parent], [77, 99, 1_000, null])
  assert.deepEqual(stored, [
    { name: 'weights.safetensors', sha256: 'sha of /written/weights.safetensors', sizeBytes: 5 },
    { name: 'manifest.json', sha256: 'sha of /written/manifest.json', sizeBytes: 5 },
  ])
})

test('a challenger that is no worse than the champion is activated, and says against whom', async () => {
  const { context, activations } = setting(trainedWith(0.8), championWith(0.8))

  const { activated, reasons } = await promote(context)

  assert.equal(activated, true)
  assert.equal(activations.at(-1)!.reason, 'passed the gate against old')
  assert.match(reasons[0]!, /^click: normalised entropy 0\.0000 \(0\.0000 to 0\.0000\)/)
})

test('a challenger that is worse beyond noise is published, so that it can be looked at, and not activated', async () => {
  const { context, steps, activations } = setting(trainedWith(0.7), championWith(0.9))

  const { activated, reasons } = await promote(context)

  assert.equal(activated, false)
  assert.match(reasons[0]!, /^click: refused, worse beyond noise/)
  assert.deepEqual(steps, [...files, 'publish new'])
  assert.deepEqual(
    activations.map(({ version }) => version),
    ['old'],
  )
})

test('the champion scores what was shown, in the order of the examples', async () => {
  const champion = championWith(0.8)

  await promote(setting(trainedWith(0.8), champion).context)

  assert.equal(champion.asked.length, 60)
  assert.deepEqual(
    champion.asked[7]!.candidates.map(({ itemId }) => itemId),
    ['c', 'a'],
  )
  assert.deepEqual(champion.asked[7], { ...slates[7]!.input, candidates: champion.asked[7]!.candidates })
})

test('what the champion has learnt is not held against the challenger', async () => {
  const [whole, learnt] = [championWith(0.9, 1_000), championWith(0.9, 1_060)]

  assert.equal((await promote(setting(trainedWith(0.7), whole).context)).activated, false)
  assert.equal((await promote(setting(trainedWith(0.7), learnt).context)).activated, true)
})

test('promoting twice publishes one version, activates it once, and answers the same', async () => {
  const { context, published, activations } = setting(trainedWith(0.8), championWith(0.8))

  const results = [await promote(context), await promote(context)]

  assert.deepEqual(results[0], results[1])
  assert.deepEqual([published.length, activations.length], [1, 2])
})

test('files that cannot be stored leave nothing in the registry', async () => {
  const { context, steps, activations } = setting(trainedWith(0.8), championWith(0.8))
  const full = { ...context, blobs: { ...context.blobs, put: () => Promise.reject(new Error('the disk is full')) } }

  await assert.rejects(promote(full), { message: 'the disk is full' })
  assert.deepEqual([steps, activations.length], [[], 1])
})
