import { join } from 'node:path'
import type { DeviceName, Precision } from '../../../models/engine/device.ts'
import type { Own, Rival, Settings } from '../part.ts'

/** What a program is to work on. */
export interface Work {
  readonly workload: string
  readonly rows: number
  readonly tableRows?: number
  readonly precision?: Precision
}

/** How PyTorch runs it: `inference` is eager under inference_mode; the compiled ones are `torch.compile`. */
export type PytorchMode = 'eager' | 'inference' | 'compile' | 'bfloat16-compile'

const peerFile = (name: string) => join(import.meta.dirname, '..', 'peers', name)

/** TensorFlow reads these when it is loaded. */
const threadVariables = ['TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS', 'OMP_NUM_THREADS']

export const pytorchMissing =
  'set TEST_PYTHON to a Python that has torch and numpy (python3 -m venv v && v/bin/pip install torch numpy)'

/** The programs that parts are made of, all with the threads and the length of measurement of `settings`. */
export function createPrograms({ threads, seconds, python }: Settings) {
  const options = ({ rows, tableRows }: Work) => [
    ...['--rows', `${rows}`, '--threads', `${threads}`, '--seconds', `${seconds}`],
    ...(tableRows === undefined ? [] : ['--table-rows', `${tableRows}`]),
  ]
  const node = (file: string, work: Work, device: string, more: readonly string[] = []) => ({
    command: [
      process.execPath,
      '--import',
      'tsx',
      peerFile(file),
      work.workload,
      '--device',
      device,
      ...options(work),
      ...more,
    ] as const,
    environment: Object.fromEntries([
      ...threadVariables.map((name) => [name, `${threads}`] as const),
      ['TF_CPP_MIN_LOG_LEVEL', '2'],
    ]),
  })
  return {
    polyrank(device: DeviceName, work: Work, label = `polyrank on ${device}`): Own {
      return { label, device, ...node('polyrank.ts', work, device, ['--precision', work.precision ?? 'float32']) }
    },
    /** polyrank again, as what its own step is held against on the same device. */
    polyrankBeside(device: DeviceName, work: Work, rival: string, otherWork: string): Rival {
      return { label: `${rival}, ${device}`, rival, only: device, otherWork, ...node('polyrank.ts', work, device) }
    },
    tensorflowJs(backend: 'wasm' | 'tensorflow', form: string, work: Work): Rival {
      const rival = `TensorFlow.js ${backend}, eager`
      return { label: `${rival}, ${form}`, rival, ...node('tfjs.ts', work, backend, ['--form', form]) }
    },
    pytorch(rival: string, mode: PytorchMode, form: string, work: Work, more: readonly string[] = []): Rival {
      return {
        label: form === '' ? rival : `${rival}, ${form}`,
        rival,
        command: [
          python ?? 'python3',
          peerFile('pytorch.py'),
          work.workload,
          '--mode',
          mode,
          '--form',
          form,
          ...options(work),
          ...more,
        ],
        environment: { PYTHONDONTWRITEBYTECODE: '1' },
        ...(python === undefined ? { missing: pytorchMissing } : {}),
      }
    },
  }
}
export type Programs = ReturnType<typeof createPrograms>

/** Devices that polyrank is measured on. */
export const devices: readonly DeviceName[] = ['cpu', 'tensorflow']
