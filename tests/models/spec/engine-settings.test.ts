import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  defaultEngine,
  deviceChoices,
  type EngineConfig,
  type EngineSettings,
  readEngineSettings,
  servingPrecisions,
  trainingPrecisions,
} from '../../../models/spec/engine-settings.ts'
import { Fault } from '../../../models/spec/fault.ts'

const refusal = (value: unknown): { code: string; path: string | undefined; message: string } => {
  try {
    readEngineSettings(value)
  } catch (error) {
    assert.ok(error instanceof Fault, String(error))
    return error
  }
  return assert.fail('it was taken')
}

test('without settings both train and serve on the processor in float32', () => {
  const expected: EngineSettings = {
    training: { device: 'cpu', precision: 'float32', threads: 2 },
    serving: {
      device: 'cpu',
      precision: 'float32',
      quantization: { mostScoreChange: 0.02, mostMetricLoss: 0.001 },
      threads: 1,
    },
  }

  for (const value of [undefined, {}, { training: {} }, { training: undefined, serving: { quantization: {} } }])
    assert.deepEqual(readEngineSettings(value), expected)
  assert.deepEqual(defaultEngine, expected)
})

test('what is set is kept, and the rest has its default', () => {
  const config = {
    training: { device: 'auto', precision: 'bfloat16' },
    serving: { precision: 'int8', quantization: { mostMetricLoss: 0 }, threads: 4 },
  } satisfies EngineConfig

  assert.deepEqual(readEngineSettings(config), {
    training: { device: 'auto', precision: 'bfloat16', threads: 2 },
    serving: {
      device: 'cpu',
      precision: 'int8',
      quantization: { mostScoreChange: 0.02, mostMetricLoss: 0 },
      threads: 4,
    },
  })
})

test('a wrong value is refused with its path and what is allowed', () => {
  const cases: readonly (readonly [unknown, string, string])[] = [
    [null, 'engine', 'is null; it must be an object with training, serving.'],
    [['cpu'], 'engine', 'is a list; it must be an object with training, serving.'],
    [{ training: 'auto' }, 'engine.training', 'is "auto"; it must be an object with device, precision, threads.'],
    [
      { training: { device: 'gpu' } },
      'engine.training.device',
      'is "gpu"; it must be one of cpu, tensorflow, webgpu, auto.',
    ],
    [
      { training: { precision: 'int8' } },
      'engine.training.precision',
      'is "int8"; it must be one of float32, bfloat16.',
    ],
    [{ training: { threads: 0 } }, 'engine.training.threads', 'is 0; it must be a whole number of at least 1.'],
    [{ training: { threads: 1.5 } }, 'engine.training.threads', 'is 1.5; it must be a whole number of at least 1.'],
    [{ serving: { device: 7 } }, 'engine.serving.device', 'is 7; it must be one of cpu, tensorflow, webgpu, auto.'],
    [
      { serving: { precision: 'bfloat16' } },
      'engine.serving.precision',
      'is "bfloat16"; it must be one of float32, int8.',
    ],
    [
      { serving: { quantization: { mostScoreChange: -0.1 } } },
      'engine.serving.quantization.mostScoreChange',
      'is -0.1; it must be a number of 0 or more.',
    ],
    [
      { serving: { quantization: { mostMetricLoss: Number.NaN } } },
      'engine.serving.quantization.mostMetricLoss',
      'is NaN; it must be a number of 0 or more.',
    ],
  ]
  for (const [value, path, what] of cases) {
    const fault = refusal(value)
    assert.deepEqual([fault.code, fault.path, fault.message], ['CONFIG_INVALID', path, `${path} ${what}`])
  }
})

test('a name that is not known is refused, with those that are', () => {
  for (const [value, path, names] of [
    [{ trainning: {} }, 'engine.trainning', 'training, serving'],
    [{ training: { devices: 'cpu' } }, 'engine.training.devices', 'device, precision, threads'],
    [{ serving: { quantization: { most: 1 } } }, 'engine.serving.quantization.most', 'mostScoreChange, mostMetricLoss'],
  ] as const) {
    const fault = refusal(value)
    assert.deepEqual([fault.code, fault.path], ['CONFIG_INVALID', path])
    assert.ok(fault.message.includes(names), fault.message)
  }
})

test('a precision that the device cannot do is refused before anything runs, with the way out', () => {
  const bfloat16 = refusal({ training: { precision: 'bfloat16' } })
  assert.equal(bfloat16.path, 'engine.training.precision')
  assert.match(bfloat16.message, /"cpu" does not multiply in; set engine\.training\.device to "tensorflow"/)
  assert.equal(readEngineSettings({ training: { device: 'auto', precision: 'bfloat16' } }).training.device, 'auto')
  for (const device of ['tensorflow', 'webgpu', 'auto']) {
    const int8 = refusal({ serving: { device, precision: 'int8' } })
    assert.equal(int8.path, 'engine.serving.precision')
    assert.match(
      int8.message,
      new RegExp(`only the device "cpu" scores in, and engine\\.serving\\.device is "${device}"`),
    )
  }
})

test('any value is either taken whole or refused with a path below engine', () => {
  const value = (...good: readonly unknown[]) => fc.oneof(fc.constantFrom(...good), fc.anything())
  const somewhatRight = fc.record(
    {
      training: value({ device: 'auto' }, { precision: 'bfloat16', device: 'tensorflow' }, { threads: 3 }),
      serving: fc.record(
        {
          device: value(...deviceChoices),
          precision: value(...servingPrecisions),
          quantization: fc.oneof(fc.record({ mostScoreChange: value(0.5) }), fc.anything()),
          threads: value(1, 2),
        },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  )
  let taken = 0

  fc.assert(
    fc.property(fc.oneof(somewhatRight, fc.anything()), (engine) => {
      try {
        const { training, serving } = readEngineSettings(engine)
        taken++
        assert.ok(deviceChoices.includes(training.device) && deviceChoices.includes(serving.device))
        assert.ok(trainingPrecisions.includes(training.precision) && servingPrecisions.includes(serving.precision))
        assert.ok(training.threads >= 1 && serving.threads >= 1 && serving.quantization.mostScoreChange >= 0)
      } catch (error) {
        assert.ok(error instanceof Fault, String(error))
        assert.equal(error.code, 'CONFIG_INVALID')
        assert.match(error.path!, /^engine(\.|$)/)
      }
    }),
    { numRuns: 1_000 },
  )

  assert.ok(taken > 0)
})
