import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  type Checkpointing,
  createKeepers,
  fromStored,
  type StoredCheckpoint,
} from '../../../pipelines/training/checkpoint.ts'
import type { FitState } from '../../../pipelines/training/fit.ts'

const training = {
  run: { definition: 'd', examples: 'e', device: 'cpu', start: 'nothing' },
  read: { fromMs: 0, toMs: 9, impressions: 3, watermarkMs: 9, readAtMs: 5 },
}
const noTable = {
  ...{ rows: new Int32Array(0), lastSteps: new Int32Array(0), weights: new Float32Array(0) },
  ...{ averages: new Float32Array(0), moments: Float64Array.of(0.1), decays: new Float64Array(0) },
}
const stateAt = (step: number): FitState => ({
  ...{ step, masks: Int32Array.of(-1, 2, 3, 4), dense: { weights: Float32Array.of(step) } },
  ...{ deep: { step, ...noTable }, wide: { step, ...noTable } },
})

/** A clock that only moves when it is told to, and a store whose every write takes `costMs` of it. */
function world(costMs: () => number) {
  const clock = { ms: 1_000_000 }
  const written: StoredCheckpoint[] = []
  const checkpointing: Checkpointing = {
    ...{ kept: null, readAtMs: 5, nowMs: () => clock.ms },
    store: {
      place: '/here',
      async write(checkpoint) {
        clock.ms += costMs()
        written.push(checkpoint)
      },
    },
  }
  return { clock, written, checkpointing }
}

test('a checkpoint waits until it costs a hundredth of the time since the last, and the first ten seconds', async () => {
  const { clock, checkpointing } = world(() => 500)
  const keeper = createKeepers(checkpointing, training, null)('learning', () => null)
  const dueAfter = () => {
    const fromMs = clock.ms
    while (!keeper.isDue()) clock.ms += 100
    return clock.ms - fromMs
  }

  assert.equal(dueAfter(), 9_900)
  await keeper.keep(async () => stateAt(1))
  assert.equal(dueAfter(), 49_500)
})

test('what reading the state takes is part of the cost', async () => {
  const { clock, checkpointing } = world(() => 100)
  const keeper = createKeepers(checkpointing, training, null)('learning', () => null)
  await keeper.keep(async () => {
    clock.ms += 900
    return stateAt(1)
  })

  clock.ms += 98_999
  assert.equal(keeper.isDue(), false)
  clock.ms += 1
  assert.equal(keeper.isDue(), true)
})

test('however long steps and writes take, writes take at most a hundredth of the time, but for the last one', async () => {
  const durations = fc.integer({ min: 0, max: 5_000 })
  await fc.assert(
    fc.asyncProperty(fc.array(durations, { minLength: 1 }), durations, async (costs, stepMs) => {
      let [spent, last, writes] = [0, 0, 0]
      const { clock, checkpointing } = world(() => {
        last = costs[writes++ % costs.length]!
        spent += last
        return last
      })
      const startMs = clock.ms
      const keepers = createKeepers(checkpointing, training, null)
      // The second fit of a job begins where the first has just kept its state.
      for (const keeper of [keepers('choosing', () => null), keepers('learning', () => null)]) {
        for (let step = 1; step <= 300; step++) {
          clock.ms += stepMs
          if (keeper.isDue()) await keeper.keep(async () => stateAt(step))
          assert.ok(spent - last <= 0.01 * (clock.ms - startMs), `${spent} of ${clock.ms - startMs}`)
        }
      }
      assert.equal(writes > 0, stepMs * 600 >= 9_900)
    }),
    { numRuns: 50 },
  )
})

test('a checkpoint says which training it is of, which fit, what was chosen so far, and holds the state', async () => {
  const { written, checkpointing } = world(() => 1)
  const chosen = { epochs: 2, entropy: null, calibration: [{ scale: 0.1, shift: -3 }], tried: 3 }
  const keepers = createKeepers(checkpointing, training, null)
  const [choosing, learning] = [keepers('choosing', () => null), keepers('learning', () => chosen)]

  assert.equal(choosing.lastKept(), null)
  await choosing.keep(async () => stateAt(7))
  assert.equal(choosing.lastKept(), 'step 7, is in /here')
  await learning.keep(async () => stateAt(2))
  assert.equal(learning.lastKept(), 'step 2, is in /here')

  assert.deepEqual(
    written.map(({ facts, tensors }) => fromStored({ facts: JSON.parse(JSON.stringify(facts)), tensors })),
    [
      { ...training, fit: 'choosing', chosen: null, state: stateAt(7) },
      { ...training, fit: 'learning', chosen, state: stateAt(2) },
    ],
  )
})

test('before a training that goes on has written one, its last checkpoint is the one it goes on from', () => {
  const { checkpointing } = world(() => 1)
  const from = { ...training, fit: 'choosing' as const, chosen: null, state: stateAt(9) }

  const keeper = createKeepers(checkpointing, training, from)('choosing', () => null)

  assert.equal(keeper.lastKept(), 'step 9, is in /here')
})
