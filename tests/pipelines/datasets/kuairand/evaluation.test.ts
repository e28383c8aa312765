import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../../models/engine/cpu.ts'
import type { SlateExamples } from '../../../../models/spec/slate.ts'
import { evaluateKuairand } from '../../../../pipelines/datasets/kuairand/evaluation.ts'
import type { KuairandFrame } from '../../../../pipelines/datasets/kuairand/frame.ts'
import { rankerWith, worldOf } from '../../training/small-source.ts'

const small = rankerWith({ epochs: 3 })
const definition = { ...small, tasks: small.tasks.filter(({ name }) => name === 'click') }

/** Each item shown is a row of its own, as in the log: 320 to train on, 80 for validation, 200 to test. */
const slates = worldOf(150).flatMap(({ input, impressions, ...rest }): SlateExamples[] =>
  impressions.map(({ candidate, feedback }) => ({
    ...rest,
    input: { ...input, candidates: [input.candidates[candidate]!] },
    impressions: [{ candidate: 0, position: 0, feedback }],
  })),
)
const range = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i)
const frame: KuairandFrame = {
  ...{ rows: [], slates, train: range(0, 320), validation: range(320, 400), test: range(400, 600) },
}
const evaluated = async (own: KuairandFrame, seeds = 2) => {
  const passes: (readonly [number, number])[] = []
  const options = { seeds, device: cpu, threads: 1, report: (...pass: [number, number]) => void passes.push(pass) }
  return { results: await evaluateKuairand(own, definition, options), passes }
}
const clicked = ({ impressions }: SlateExamples) => impressions[0]!.feedback.length > 0
const ofFrame = evaluated(frame)

test('each seed makes the passes that the definition says, and no more', async () => {
  const { passes } = await ofFrame

  assert.deepEqual(passes, [...[1, 2, 3].map((epoch) => [1, epoch]), ...[1, 2, 3].map((epoch) => [2, epoch])])
})

test('a task has its figures over the test rows, with an interval and a spread over seeds', async () => {
  const { results } = await ofFrame
  const [click] = results

  assert.deepEqual(
    [results.length, click!.task, click!.positives],
    [1, 'click', slates.slice(400).filter(clicked).length],
  )
  for (const { low, mean, high } of [click!.auc, click!.gauc]) assert.ok(low < mean && mean < high)
  assert.ok(click!.auc.mean > 0.7 && click!.normalizedEntropy < 1)
  assert.ok(click!.auc.deviation > 0)
})

test('one seed has no spread', async () => {
  const { results } = await evaluated(frame, 1)

  assert.equal(results[0]!.auc.deviation, 0)
})

test('validation rows are learnt with the training rows, and test rows never', async () => {
  const { results } = await ofFrame
  const unlearnt = slates.slice(400)

  const { results: more } = await evaluated({ ...frame, train: range(0, 400), validation: range(0, 0) })
  const { results: flipped } = await evaluated({
    ...frame,
    slates: [...slates.slice(0, 400), ...unlearnt.map(withOtherLabel)],
  })

  assert.deepEqual(more, results)
  assert.ok(Math.abs(flipped[0]!.auc.mean - (1 - results[0]!.auc.mean)) < 1e-9)
})

/** With every label turned around the same scores have the AUC turned around. */
function withOtherLabel(slate: SlateExamples): SlateExamples {
  const feedback = clicked(slate) ? [] : [{ kind: 'click', value: null, occurredAtMs: slate.input.occurredAtMs }]
  return { ...slate, impressions: [{ candidate: 0, position: 0, feedback }] }
}
