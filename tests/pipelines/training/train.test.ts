import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import { rowHasher } from '../../../models/spec/hash.ts'
import { layoutOf } from '../../../models/spec/layout.ts'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import type { SlateExamples } from '../../../models/spec/slate.ts'
import type { TrainingProgress } from '../../../pipelines/training/ports.ts'
import { type TrainedVersion, train } from '../../../pipelines/training/train.ts'
import { rankerWith, sourceOf, worldOf } from './small-source.ts'

async function trained(
  slates: readonly SlateExamples[],
  definition: RankerDefinition = rankerWith(),
  progress: TrainingProgress[] = [],
): Promise<TrainedVersion> {
  const report = (each: TrainingProgress) => void progress.push(each)
  return train({ definition, source: sourceOf(slates), device: cpu, threads: 1, parent: 'before', report })
}
/** All that a version will serve by. */
const learnt = ({ weights, content: { statistics, calibration, epochs } }: TrainedVersion) => ({
  ...{ weights, statistics, calibration, epochs },
})
const world = worldOf(100)
const holdoutFrom = 85
const worldProgress: TrainingProgress[] = []
/** Several tests look at the same version. */
const ofWorld = trained(world, rankerWith(), worldProgress)

test('the newest 15 % of the examples are measured on, and the rest is learnt', async () => {
  const { content, holdout } = await ofWorld

  assert.deepEqual(
    holdout.slates.map(({ slateId }) => slateId),
    world.slice(holdoutFrom).map(({ slateId }) => slateId),
  )
  assert.deepEqual([holdout.labels.length, holdout.scores.length, holdout.users.length], [120, 120, 60])
  assert.deepEqual([content.examples, content.trainedFromMs, content.trainedToMs], [340, 0, 85_000])
  assert.deepEqual([content.ranker, content.parent], ['small', 'before'])
})

test('a cut lies between two moments, so that nothing of one moment is learnt and measured at once', async () => {
  const { content, holdout } = await trained(worldOf(100, { atMs: (i) => 1_000 * Math.floor(i / 9) }))

  assert.equal(holdout.slates[0]!.slateId, 's81')
  assert.deepEqual([content.examples, content.trainedToMs], [324, 9_000])
})

test('nothing of the holdout is learnt: other labels and features there leave every weight as it is', async () => {
  const click = { kind: 'click', value: null, occurredAtMs: 0 }
  const other = world.map((slate, i): SlateExamples => {
    if (i < holdoutFrom) return slate
    const candidates = slate.input.candidates.map((candidate) => ({
      ...candidate,
      features: { price: 1e6 },
      tally: null,
    }))
    const impressions = slate.impressions.map(({ feedback, ...rest }) => ({
      ...rest,
      feedback: feedback.length === 0 ? [{ ...click, occurredAtMs: slate.input.occurredAtMs }] : [],
    }))
    return { ...slate, input: { ...slate.input, candidates }, impressions }
  })

  const [one, two] = [await ofWorld, await trained(other)]

  assert.deepEqual(learnt(two), learnt(one))
  assert.notDeepEqual(two.content.metrics, one.content.metrics)
})

test('what a version is checked by when it is opened holds nothing of a person, and a score for each candidate', async () => {
  const tally = { impressions: 3, feedback: {}, lastImpressionAtMs: null }
  const personal = world.map(
    (slate, i): SlateExamples => ({
      ...slate,
      input: {
        ...slate.input,
        userId: `person-${i}`,
        user: { name: 'person' },
        history: [{ itemId: 'person-saw', kind: 'click', occurredAtMs: 0, features: {} }],
        userTally: tally,
        candidates: slate.input.candidates.map((candidate) => ({ ...candidate, userItemTally: tally })),
      },
    }),
  )

  const { golden } = (await trained(personal)).content

  assert.equal(golden.inputs.length, 3)
  assert.doesNotMatch(JSON.stringify(golden), /person/)
  for (const [i, { userTally, candidates }] of golden.inputs.entries()) {
    assert.ok(userTally === null && candidates.every(({ userItemTally }) => userItemTally === null))
    assert.ok(golden.scores[i]!.length === candidates.length * 2 && golden.scores[i]!.every((score) => score > 0))
  }
})

test('all that is older than the holdout is learnt, and an id of the holdout alone reads as zero', async () => {
  const definition = rankerWith()
  const { columns } = layoutOf(definition)
  const rowOf = (itemId: string) =>
    columns.find(({ feature }) => feature === 'itemId')!.offset + rowHasher('itemId', 64)(itemId)
  const taken = new Set(Array.from({ length: 40 }, (_, i) => rowOf(`i${i}`)))
  const [validated, held] = Array.from({ length: 100 }, (_, i) => `new${i}`).filter((id) => !taken.has(rowOf(id)))
  const renamed = (slate: SlateExamples, itemId: string): SlateExamples => ({
    ...slate,
    input: { ...slate.input, candidates: slate.input.candidates.map((candidate) => ({ ...candidate, itemId })) },
  })

  const { weights } = await trained(
    world.map((slate, i) =>
      i === holdoutFrom - 1 ? renamed(slate, validated!) : i === holdoutFrom ? renamed(slate, held!) : slate,
    ),
  )

  const isTrained = (itemId: string) => {
    const row = rowOf(itemId)
    const [deep, wide] = [weights.deep.slice(row * 4, (row + 1) * 4), weights.wide.slice(row * 2, (row + 1) * 2)]
    return [...deep, ...wide].some((weight) => weight !== 0)
  }
  assert.notEqual(rowOf(validated!), rowOf(held!))
  assert.deepEqual([isTrained(validated!), isTrained(held!)], [true, false])
})

test('the same seed gives the same version, and another seed another one', async () => {
  const [one, same, other] = [await ofWorld, await trained(world), await trained(world, rankerWith({ seed: 2 }))]

  assert.deepEqual([learnt(same), same.content, same.holdout], [learnt(one), one.content, one.holdout])
  assert.notDeepEqual(other.weights.dense, one.weights.dense)
})

/** Validation entropies by pass, and how many passes were made over the training slice, as was reported. */
const passesOf = (progress: readonly TrainingProgress[]) =>
  progress.flatMap(({ note = '' }) => {
    const entropy = /^pass \d+, validation normalised entropy ([\d.]+)$/.exec(note)?.[1]
    return entropy === undefined ? [] : [Number(entropy)]
  })

const noise = { liked: 0.5, other: 0.5 }

test('training stops when the validation slice got no better for as many passes as patience allows', async () => {
  const training = { epochs: 9, patience: 2, embeddingRate: 0.05, wideRate: 0.05, ridge: 0, rate: 0.01 }
  const [large, signal, small] = [worldOf(700, noise), worldOf(700, { liked: 0.95, other: 0.35 }), worldOf(150, noise)]

  for (const slates of [large, signal, small]) {
    const progress: TrainingProgress[] = []
    const { content } = await trained(slates, rankerWith(training), progress)

    const entropies = passesOf(progress)
    const best = entropies.indexOf(Math.min(...entropies)) + 1
    assert.equal(content.epochs, best)
    assert.equal(entropies.length, Math.min(best + 2, 9))
    if (slates === large) assert.ok(best < 7, 'noise is best not learnt')
  }
})

test('where the slice has too few clicks to go by, all passes are made', async () => {
  const progress: TrainingProgress[] = []

  const { content } = await trained(
    worldOf(100, { liked: 0.2, other: 0.05 }),
    rankerWith({ epochs: 5, patience: 1 }),
    progress,
  )

  assert.equal(content.epochs, 5)
  assert.equal(progress.filter(({ note }) => note?.includes('no task is large enough')).length, 5)
})

test('each task has its metrics on the holdout, and a rule that can be learnt is', async () => {
  const { content, holdout } = await trained(worldOf(300), rankerWith({ epochs: 6 }))

  const { click, watch } = content.metrics
  assert.deepEqual(Object.keys(content.metrics), ['click', 'watch'])
  assert.equal(click!.examples, 180)
  assert.ok(click!.auc! > 0.75, `AUC ${click!.auc}`)
  assert.ok(click!.normalizedEntropy! < 0.9, `entropy ${click!.normalizedEntropy}`)
  for (const metric of ['gauc', 'logLoss', 'calibrationError', 'ndcg', 'mrr', 'recall'])
    assert.ok(Number.isFinite(click![metric]), metric)
  const clicks = holdout.labels.filter((_, i) => i % 2 === 0).reduce((sum, label) => sum + label, 0)
  assert.deepEqual([click!.positives, watch!.examples], [clicks, clicks])
  assert.ok(Number.isFinite(watch!.rmse))
})

test('base rates are those of what was learnt, and labels outside their sample space are unknown', async () => {
  const { holdout } = await ofWorld

  const shown = world.slice(0, holdoutFrom).flatMap(({ impressions }) => impressions)
  const watched = shown.flatMap(({ feedback }) => feedback.filter(({ kind }) => kind === 'watch'))
  const logs = watched.reduce((sum, { value }) => sum + Math.log1p(value!), 0)
  assert.equal(holdout.baseRates[0], watched.length / shown.length)
  assert.ok(Math.abs(holdout.baseRates[1]! - logs / watched.length) < 1e-6)
  holdout.known.forEach((known, i) => {
    assert.equal(known, i % 2 === 0 ? 1 : holdout.labels[i - 1])
  })
})

test('progress goes from reading to evaluating, and its bar never moves back', async () => {
  await ofWorld
  const progress = worldProgress

  assert.deepEqual([...new Set(progress.map(({ stage }) => stage))], ['reading', 'encoding', 'training', 'evaluating'])
  assert.deepEqual(
    progress.filter(({ stage }) => stage === 'reading').map(({ done, of }) => [done, of]),
    [
      [200, 400],
      [400, 400],
    ],
  )
  const bar = progress.filter(({ stage }) => stage === 'training').map(({ done, of }) => done / of)
  assert.ok(bar.every((share, i) => i === 0 || share > bar[i - 1]!) && bar.at(-1) === 1)
})

test('too few examples are no training, and the number is said', async () => {
  const refusal = (count: number) => ({
    ...{ name: 'Fault', code: 'TRAINING_NO_EXAMPLES', status: 409 },
    message: new RegExp(`"small" has ${count} examples .* fewer than 200`),
  })

  await assert.rejects(trained([]), refusal(0))
  await assert.rejects(trained(worldOf(49)), refusal(196))
  assert.equal((await trained(worldOf(50))).content.examples, 168)
})

test('slates whose every window is open are left for later, so that the newest slice has labels to measure on', async () => {
  const untilMs = 90_000
  const open = world.map((slate) => ({ ...slate, watermarkMs: untilMs }))
  const closed = world.filter(({ input }) => input.occurredAtMs <= untilMs - 1_000)

  const { content, holdout } = await trained(open)
  const { content: expected } = await trained(closed)

  assert.deepEqual(content, expected)
  assert.deepEqual([holdout.slates.at(-1)!.slateId, content.metrics.click!.examples], ['s89', holdout.users.length])
  const early = open.map((slate) => ({ ...slate, watermarkMs: 49_999 }))
  await assert.rejects(trained(early), { code: 'TRAINING_NO_EXAMPLES', message: /has 196 examples/ })
})

test('examples that are all of one moment cannot be cut in time, and are refused', async () => {
  await assert.rejects(trained(worldOf(60, { atMs: () => 7 })), {
    ...{ name: 'Fault', code: 'TRAINING_NO_EXAMPLES', status: 409, message: /None of the 240 examples is older/ },
  })
})

test('a loss that is no number ends the training and names its task', async () => {
  const definition = rankerWith()
  const raw = {
    ...definition,
    tasks: definition.tasks.map((task) =>
      task.name === 'watch' ? { ...task, label: { rule: 'value' as const, kind: 'watch' } } : task,
    ),
  }
  const extreme = world.map(
    (slate): SlateExamples => ({
      ...slate,
      impressions: slate.impressions.map((impression) => ({
        ...impression,
        feedback: impression.feedback.map((each) => (each.kind === 'watch' ? { ...each, value: 1e30 } : each)),
      })),
    }),
  )

  await assert.rejects(trained(extreme, raw), { name: 'Fault', code: 'TRAINING_NOT_FINITE', message: /task "watch"/ })
})

test('of examples without feedback only a share is learnt, and the model still says how often things happen', async () => {
  const many = worldOf(400)
  const [whole, sampled] = [await trained(many), await trained(many, rankerWith({ negativeSamplingRate: 0.25 }))]

  const negatives = (slates: readonly SlateExamples[]) =>
    slates.flatMap(({ impressions }) => impressions).filter(({ feedback }) => feedback.length === 0).length
  const dropped = whole.content.examples - sampled.content.examples
  const share = dropped / negatives(many.slice(0, 306))
  assert.ok(share > 0.7 && share < 0.8, `${dropped} examples were left out`)
  const { scores: _, baseRates: rates, ...measured } = sampled.holdout
  const { scores: __, baseRates: allRates, ...all } = whole.holdout
  assert.deepEqual(measured, all)
  assert.ok(Math.abs(rates[0]! - allRates[0]!) < 0.03, `${rates[0]} beside ${allRates[0]}`)
  // Calibration on the whole slice could hide a level that is wrong: it has nothing to put right.
  assert.ok(Math.abs(sampled.content.calibration.click!.shift) < 0.3, `${sampled.content.calibration.click!.shift}`)
})

test('a rate that leaves nothing to learn is refused, and says so', async () => {
  const silent = world.map((slate) => ({
    ...slate,
    impressions: slate.impressions.map((each) => ({ ...each, feedback: [] })),
  }))

  await assert.rejects(trained(silent, rankerWith({ negativeSamplingRate: 1e-9 })), {
    ...{ code: 'TRAINING_NO_EXAMPLES', status: 409, message: /negativeSamplingRate of 1e-9/ },
  })
})
