import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import { type FitOptions, fit } from '../../../pipelines/training/fit.ts'
import { optionsWith, stored, testRestart } from './restart-contract.ts'
import { keepAll } from './small-fit.ts'

for (const threads of [1, 2]) testRestart(cpu, threads)

test('a kept state is what its file says, to the bit', async () => {
  const keeper = keepAll()
  await fit({ ...optionsWith(1), keeper })

  for (const state of keeper.states.values()) assert.deepEqual(stored(state), state)
})

test('weights looked at after each pass are the same after a restart, and of earlier passes nobody hears again', async () => {
  const options = optionsWith(1)
  const lookedAt = async (more: Partial<FitOptions>) => {
    const seen: unknown[] = []
    const afterEpoch: FitOptions['afterEpoch'] = async (epoch, weights) => {
      seen.push([epoch, await weights()])
      return true
    }
    const weights = await fit({ ...options, ...more, afterEpoch })
    return { seen, weights }
  }
  const keeper = keepAll()
  const whole = await lookedAt({ keeper })

  // Between two passes, a state is of the one that ends.
  for (const [step, passes] of [
    [3, 3],
    [4, 3],
    [5, 2],
    [8, 2],
    [9, 1],
    [12, 1],
  ] as const) {
    const rest = await lookedAt({ from: stored(keeper.states.get(step)!) })
    assert.deepEqual(rest, { seen: whole.seen.slice(-passes), weights: whole.weights }, `from step ${step}`)
  }
})
