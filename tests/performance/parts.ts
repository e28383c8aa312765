import { join } from 'node:path'
import type { PeerSpec } from './peer.ts'

export interface PartPeer extends PeerSpec {
  /** The least ratio that polyrank aims at. */
  readonly target?: number
  /** Why it cannot be started here. */
  readonly missing?: string
}

export interface Part {
  readonly name: string
  readonly title: string
  /** `times`: how many times as fast polyrank is. `share`: what of polyrank's step the other takes. */
  readonly shows: 'times' | 'share'
  readonly ours: PeerSpec
  readonly peers: readonly PartPeer[]
}

export interface Settings {
  readonly threads: number
  readonly seconds: number
  /** A Python that has torch and numpy. */
  readonly python: string | undefined
}

const peerFile = (name: string) => join(import.meta.dirname, 'peers', name)

export function partsOf({ threads, seconds, python }: Settings): readonly Part[] {
  const options = (rows: number) => ['--rows', `${rows}`, '--threads', `${threads}`, '--seconds', `${seconds}`]
  const node = (label: string, file: string, workload: string, rows: number): PeerSpec => ({
    label,
    command: [process.execPath, '--import', 'tsx', peerFile(file), workload, ...options(rows)],
  })
  const pytorch = (workload: string, rows: number, mode: string, target?: number) =>
    ['plain', 'stacked'].map((form): PartPeer => {
      return {
        label: `PyTorch ${mode}, ${form}`,
        command: [python ?? 'python3', peerFile('pytorch.py'), workload, '--form', form, ...options(rows)],
        environment: { PYTHONDONTWRITEBYTECODE: '1' },
        ...(target === undefined ? {} : { target }),
        ...(python === undefined ? { missing: pytorchMissing } : {}),
      }
    })
  const step = node('polyrank', 'polyrank.ts', 'training', 1024)
  return [
    {
      name: 'training',
      title: `Training step of multi-gate experts: 1024 examples, forward, backward, Adam; ${threads} threads`,
      shows: 'times',
      ours: step,
      peers: [
        ...pytorch('training', 1024, 'eager', 0.8),
        { ...node('TensorFlow.js wasm, eager, plain', 'tfjs.ts', 'training', 1024), target: 40 },
      ],
    },
    {
      name: 'scoring',
      title: `Scoring 128 candidates with the same model: median latency of a request; ${threads} threads`,
      shows: 'times',
      ours: node('polyrank', 'polyrank.ts', 'scoring', 128),
      peers: pytorch('scoring', 128, 'inference_mode'),
    },
    {
      name: 'limit',
      title: `What of that training step its matrix multiplications take, run alone; ${threads} threads`,
      shows: 'share',
      ours: step,
      peers: [node("ONNX Runtime, the step's multiplications", 'polyrank.ts', 'matmuls', 1024)],
    },
  ]
}

const pytorchMissing =
  'set TEST_PYTHON to a Python that has torch and numpy (python3 -m venv v && v/bin/pip install torch numpy)'
