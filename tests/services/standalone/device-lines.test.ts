import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineRanker } from '../../../models/spec/define-ranker.ts'
import { defaultEngine, type EngineConfig, readEngineSettings } from '../../../models/spec/engine-settings.ts'
import type { DeviceVerdict, Subject } from '../../../pipelines/devices/ports.ts'
import { deviceLines } from '../../../services/standalone/device-lines.ts'
import { smallRanker } from '../../flows/small-world.ts'

const rankers = [smallRanker, defineRanker({ ...smallRanker, name: 'other' })]
const verdict: DeviceVerdict = {
  device: 'tensorflow',
  timed: [
    { device: 'tensorflow', ms: 28 },
    { device: 'cpu', ms: 40 },
  ],
  refused: [],
}
const lines = (engine: EngineConfig, recall: (subject: Subject) => DeviceVerdict | null = () => null) =>
  deviceLines(rankers, readEngineSettings(engine), async (subject) => recall(subject))

test('of the default nothing is said', async () => {
  assert.deepEqual(await lines({}), [])
  assert.deepEqual(await lines(defaultEngine), [])
})

test('a device or a precision of one’s own is said once, for all rankers', async () => {
  assert.deepEqual(await lines({ training: { device: 'tensorflow' }, serving: { precision: 'int8' } }), [
    'Training on tensorflow.',
    'Serving on cpu, in int8.',
  ])
  assert.deepEqual(await lines({ training: { device: 'tensorflow', precision: 'bfloat16' } }), [
    'Training on tensorflow, in bfloat16.',
  ])
})

test('an automatic choice is said for each ranker, with its reason where it has been made', async () => {
  const known = ({ purpose, ranker }: Subject) => (purpose === 'training' && ranker === 'small' ? verdict : null)

  assert.deepEqual(await lines({ training: { device: 'auto' }, serving: { device: 'auto' } }, known), [
    'Training "small" on tensorflow: 28 ms a step against 40 on cpu.',
    'Training "other" on the fastest device, which the first training finds out.',
    'Serving "small" on the fastest device, which the first serving finds out.',
    'Serving "other" on the fastest device, which the first serving finds out.',
  ])
})
