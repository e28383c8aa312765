import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineRanker } from '../../../../models/spec/define-ranker.ts'
import { defaultEngine } from '../../../../models/spec/engine-settings.ts'
import { usesOf } from '../../../../services/cli/doctor/uses.ts'
import { smallRanker } from '../../../flows/small-world.ts'
import { cpuFinding, here, noTensorflow, timed, usesWith, withTensorflow } from './findings.ts'

test('without settings every ranker is trained on and served from the processor', () => {
  const rankers = [smallRanker, defineRanker({ ...smallRanker, name: 'other' })]

  const uses = usesOf(rankers, defaultEngine, withTensorflow, () => null)

  assert.deepEqual(
    uses.map(({ ranker, purpose, device, precision, threads, why, problem }) => [
      ...[ranker, purpose, device, precision, threads, why, problem],
    ]),
    [
      ['small', 'training', 'cpu', 'float32', 2, 'the default', null],
      ['small', 'serving', 'cpu', 'float32', 1, 'the default', null],
      ['other', 'training', 'cpu', 'float32', 2, 'the default', null],
      ['other', 'serving', 'cpu', 'float32', 1, 'the default', null],
    ],
  )
})

test('a device that is configured and here is used, in the precision that is configured', () => {
  const [training, serving] = usesWith(
    { training: { device: 'tensorflow', precision: 'bfloat16', threads: 8 }, serving: { precision: 'int8' } },
    withTensorflow,
  )

  assert.deepEqual(
    [training.device, training.precision, training.threads, training.why, training.problem],
    ['tensorflow', 'bfloat16', 8, 'as configured', null],
  )
  assert.deepEqual([serving.device, serving.precision, serving.problem], ['cpu', 'int8', null])
})

test('a device that is configured and not here is a problem, with what gets it', () => {
  const [training, serving] = usesWith({ training: { device: 'tensorflow' }, serving: { device: 'webgpu' } })

  assert.deepEqual([training.device, serving.device], [null, null])
  assert.equal(
    training.problem,
    'engine.training.device is "tensorflow": It is not installed. `npm run setup:tensorflow` installs it.',
  )
  assert.equal(serving.problem, 'engine.serving.device is "webgpu": This machine has no adapter.')
})

test('a precision that the device lacks is a problem', () => {
  const [training] = usesWith({ training: { device: 'webgpu', precision: 'bfloat16' } }, [
    cpuFinding,
    noTensorflow,
    here('webgpu', ['float32']),
  ])

  assert.equal(
    training.problem,
    'engine.training.precision is "bfloat16": It does not multiply in bfloat16, only in float32. Choose another device or precision.',
  )
})

test('the automatic choice is told with its numbers, or how to find them', () => {
  const engine = { training: { device: 'auto' }, serving: { device: 'auto' } } as const

  const [training, serving] = usesWith(engine, withTensorflow, (_, purpose) => (purpose === 'training' ? timed : null))

  assert.deepEqual([training.device, training.why], ['tensorflow', '28 ms a step against 40 on cpu'])
  assert.deepEqual(
    [serving.device, serving.why, serving.problem],
    [null, 'not timed yet: the first serving does, or `polyrank doctor --time`', null],
  )
})

test('the automatic choice is a problem only where no device has the precision', () => {
  const engine = { training: { device: 'auto', precision: 'bfloat16' } } as const

  assert.equal(usesWith(engine, withTensorflow)[0].problem, null)
  assert.equal(
    usesWith(engine)[0].problem,
    'engine.training.device is "auto", and no device here multiplies in bfloat16. cpu: It does not multiply in bfloat16, only in float32. tensorflow: It is not installed. `npm run setup:tensorflow` installs it.',
  )
})

test('where another device was timed as faster than what is configured, it is told', () => {
  const [training] = usesWith({}, withTensorflow, () => timed)

  assert.deepEqual(
    [training.device, training.why],
    ['cpu', 'the default; timed: tensorflow 28 ms a step against 40 on cpu'],
  )
})
