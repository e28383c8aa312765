import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readOptions } from './options.ts'

test('without options every part is measured on every device, in seven quiet rounds of a second', () => {
  const { only, device, rounds, seconds, threads, write } = readOptions([])

  assert.deepEqual(
    { only, device, rounds, seconds, write },
    { only: undefined, device: undefined, rounds: 7, seconds: 1, write: false },
  )
  assert.ok(threads >= 1)
})

test('options are read as numbers and names', () => {
  const options = readOptions([
    '--only',
    'scoring',
    '--device',
    'tensorflow',
    '--rounds',
    '3',
    '--seconds',
    '0.5',
    '--threads',
    '4',
  ])

  const { only, device, rounds, seconds, threads } = options
  assert.deepEqual(
    { only, device, rounds, seconds, threads },
    { only: 'scoring', device: 'tensorflow', rounds: 3, seconds: 0.5, threads: 4 },
  )
})

test('a number that is none, and a device that is not measured, are refused with what to give', () => {
  assert.throws(() => readOptions(['--rounds', 'many']), {
    name: 'RangeError',
    message: '--rounds is many; give a number above 0.',
  })
  assert.throws(() => readOptions(['--seconds', '0']), /--seconds is 0; give a number above 0\./)
  assert.throws(() => readOptions(['--device', 'gpu']), /--device is gpu; give cpu or tensorflow\./)
  assert.throws(() => readOptions(['--faster']), { code: 'ERR_PARSE_ARGS_UNKNOWN_OPTION' })
})
