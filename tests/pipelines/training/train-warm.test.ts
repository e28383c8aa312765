import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import { type TrainingContext, train } from '../../../pipelines/training/train.ts'
import { olderOf } from './older-version.ts'
import { rankerWith, sourceOf, worldOf } from './small-source.ts'

const shared = { device: cpu, threads: 1, parent: 'serves', report: () => {} }
const definition = rankerWith({ epochs: 6 })
const first = await train({ ...shared, definition, source: sourceOf(worldOf(300)) })
const from = olderOf({ definition, network: first.network }, first.weights)

/** So slow that the weights of the older version are measured. */
const still = { rate: 1e-12, embeddingRate: 1e-12, wideRate: 1e-12 }

for (const seed of [11, 12, 13]) {
  test(`a pass over few examples leaves the holdout's loss no worse than the older version's (world ${seed})`, async () => {
    const source = sourceOf(worldOf(60, { seed }))
    const lossOf = async (training: Partial<typeof still>, start: Pick<TrainingContext, 'from'>) => {
      const each = { ...shared, definition: rankerWith({ epochs: 1, ...training }), source }
      return (await train({ ...each, ...start })).content.metrics.click!.logLoss!
    }

    const [warm, older, anew] = [await lossOf({}, { from }), await lossOf(still, { from }), await lossOf({}, {})]

    assert.ok(warm <= older, `${warm} after the pass, ${older} before`)
    assert.ok(older < anew, `${older} of the older version, ${anew} of new weights`)
  })
}

test('a version says which one it started from beside the one that it follows, and is the same bytes twice', async () => {
  const context = {
    ...shared,
    definition: rankerWith({ epochs: 1 }),
    source: sourceOf(worldOf(60, { seed: 11 })),
    from,
  }

  const [one, two] = [await train(context), await train(context)]

  assert.deepEqual([one.content.startedFrom, one.content.parent], ['older', 'serves'])
  assert.deepEqual([two.content, two.weights], [one.content, one.weights])
})
