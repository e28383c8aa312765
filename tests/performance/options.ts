import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import type { DeviceName } from '../../models/engine/device.ts'
import { devices } from './parts/programs.ts'

export interface Options {
  readonly only?: string | undefined
  readonly device?: DeviceName | undefined
  readonly rounds: number
  readonly seconds: number
  readonly threads: number
  readonly json: boolean
  readonly list: boolean
  readonly write: boolean
  readonly help: boolean
}

export const help = `npm run bench -- [options]

  --only PART      parts whose name begins so; --list names them
  --device NAME    polyrank on this device alone: ${devices.join(' or ')}
  --rounds N       quiet rounds to take (default 7)
  --seconds N      length of one measurement (default 1)
  --threads N      of every side (default: the machine's cores)
  --json           everything that was measured, as JSON
  --list           the parts, what each is compared with, and what it aims at
  --write          rewrites tests/performance/RESULTS.md; needs every part and device, and a quiet machine

All of it takes some twenty minutes on two cores; the first time some more, as torch.compile fills its cache.

PyTorch takes part where TEST_PYTHON names a Python that has torch and numpy (torch.compile needs g++ too):
  python3 -m venv v && v/bin/pip install torch numpy
  TEST_PYTHON=v/bin/python npm run bench
TensorFlow takes part, as a device and beside it, after:
  npm run setup:tensorflow

A part alone, quickly, to see that it works:
  npm run bench -- --only scoring --device cpu --rounds 3 --seconds 0.5`

/** Throws a `RangeError` that says what an option must be, or what `parseArgs` throws. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      only: { type: 'string' },
      device: { type: 'string' },
      rounds: { type: 'string', default: '7' },
      seconds: { type: 'string', default: '1' },
      threads: { type: 'string', default: `${availableParallelism()}` },
      json: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const numberOf = (name: 'rounds' | 'seconds' | 'threads') => {
    const number = Number(values[name])
    if (!(number > 0)) throw new RangeError(`--${name} is ${values[name]}; give a number above 0.`)
    return number
  }
  const device = devices.find((each) => each === values.device)
  if (values.device !== undefined && device === undefined)
    throw new RangeError(`--device is ${values.device}; give ${devices.join(' or ')}.`)
  return {
    ...values,
    device,
    rounds: numberOf('rounds'),
    seconds: numberOf('seconds'),
    threads: numberOf('threads'),
  }
}
