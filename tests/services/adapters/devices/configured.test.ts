import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../../models/engine/cpu.ts'
import { servingTrial } from '../../../../pipelines/devices/serving-trial.ts'
import { configuredDevice } from '../../../../services/adapters/devices/configured.ts'
import { describeMachine } from '../../../../services/adapters/devices/machine.ts'
import { temporaryFolder } from '../../../flows/process.ts'
import { smallRanker } from '../../../flows/small-world.ts'

test('a device that is named is taken without trying any', async () => {
  const folder = temporaryFolder()
  const never = () => assert.fail('it was tried')

  assert.equal(await configuredDevice({ device: 'cpu', threads: 1 }, never, folder, never), cpu)
})

test('the automatic choice is tried once, said once, and then remembered in the data folder', async () => {
  const folder = temporaryFolder()
  const said: string[] = []
  const choose = () =>
    configuredDevice(
      { device: 'auto', threads: 1 },
      () => servingTrial(smallRanker, { threads: 1 }),
      folder,
      (line) => said.push(line),
    )

  const [first, second] = [await choose(), await choose()]

  assert.equal(first.name, second.name)
  assert.equal(said.length, 1)
  assert.match(said[0]!, new RegExp(`^serving on ${first.name}: `))
})

test('a machine is described the same each time, with the version of its runtime', () => {
  const [, cores, , runtimes] = JSON.parse(describeMachine())

  assert.equal(describeMachine(), describeMachine())
  assert.ok(cores >= 1)
  assert.equal(runtimes[0][0], 'onnxruntime-node')
  assert.match(runtimes[0][1], /^\d+\.\d+\.\d+/)
})
