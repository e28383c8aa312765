import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import type { Device } from '../../../models/engine/device.ts'
import { readSafetensors, writeSafetensors } from '../../../models/engine/safetensors.ts'
import { fromStored, toStored } from '../../../pipelines/training/checkpoint.ts'
import { type FitOptions, type FitState, fit } from '../../../pipelines/training/fit.ts'
import { keepAll, optionsOf } from './small-fit.ts'
import { rankerWith } from './small-source.ts'

/** Four steps a pass, the last of them not full; dropout, a ridge and a schedule. */
const definition = rankerWith({ ridge: 3, clipNorm: 1, schedule: { warmupSteps: 3, decaySteps: 20 } })
export const optionsWith = (threads: number, device: Device = cpu): FitOptions => ({
  ...optionsOf(definition),
  ...{ epochs: 3, threads, device },
})

/** A state after its way through a file. */
export function stored(state: FitState): FitState {
  const run = { definition: '', examples: '', device: '', start: 'nothing' }
  const read = { fromMs: 0, toMs: 1, impressions: 1, watermarkMs: 1, readAtMs: 1 }
  const { facts, tensors } = toStored({ run, read, fit: 'learning', chosen: null, state })
  const file = new Uint8Array(Buffer.concat(writeSafetensors(tensors).pieces))
  return fromStored({ facts: JSON.parse(JSON.stringify(facts)), tensors: [...readSafetensors(file).values()] }).state
}

/** The suite that a device passes: the same bytes twice, and across a restart from any step. */
export function testRestart(device: Device, threads: number): void {
  test(`the same fit on ${device.name} with ${threads} threads gives the same bytes twice, kept or not`, async () => {
    const options = optionsWith(threads, device)
    const [one, two] = [keepAll(), keepAll()]

    const weights = await fit({ ...options, keeper: one })

    assert.deepEqual(await fit({ ...options, keeper: two }), weights)
    assert.deepEqual(two.states, one.states)
    assert.deepEqual(await fit(options), weights)
  })

  test(`a fit on ${device.name} with ${threads} threads that goes on from any step gives the bytes of one that was never cut`, async () => {
    const options = optionsWith(threads, device)
    const whole = keepAll()
    const weights = await fit({ ...options, keeper: whole })
    assert.deepEqual([...whole.states.keys()], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])

    for (const [step, state] of whole.states) {
      const rest = keepAll()
      const resumed = await fit({ ...options, keeper: rest, from: stored(state) })

      assert.deepEqual(resumed, weights, `from step ${step}`)
      assert.deepEqual([...rest.states], [...whole.states].slice(step), `states after step ${step}`)
    }
  })
}
