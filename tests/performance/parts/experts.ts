import type { Aim, Part } from '../part.ts'
import { devices, type Programs, type PytorchMode } from './programs.ts'

const eager = 'PyTorch eager'
const compiled = 'PyTorch torch.compile'
const compiledBfloat16 = 'PyTorch torch.compile in bfloat16'
const wasm = 'TensorFlow.js wasm, eager'
const tensorflow = 'TensorFlow.js tensorflow, eager'

/** Training steps of multi-gate experts. */
export function expertsParts(programs: Programs): readonly Part[] {
  const step = (name: string, rows: number, others: Pick<Part, 'rivals' | 'aims'>): Part => {
    const work = { workload: 'experts', rows }
    return {
      name,
      title: `Training step of multi-gate experts: ${rows} examples, forward, backward, Adam`,
      shows: 'times',
      ours: devices.map((device) => programs.polyrank(device, work)),
      rivals: [
        ...forms(programs, eager, 'eager', rows),
        ...forms(programs, compiled, 'compile', rows),
        ...others.rivals,
      ],
      aims: [...aims, ...others.aims],
    }
  }
  const bfloat16 = { workload: 'experts', rows: 1024, precision: 'bfloat16' } as const
  return [
    step('experts-1024', 1024, {
      rivals: [
        programs.tensorflowJs('wasm', 'plain', { workload: 'experts', rows: 1024 }),
        ...['plain', 'stacked'].map((form) =>
          programs.tensorflowJs('tensorflow', form, { workload: 'experts', rows: 1024 }),
        ),
      ],
      aims: [
        { device: 'cpu', rival: wasm, ratio: 40 },
        { device: 'tensorflow', rival: eager, ratio: 1.3 },
        { device: 'tensorflow', rival: tensorflow, ratio: 4 },
      ],
    }),
    {
      name: 'experts-bfloat16',
      title: 'The same step of 1024 examples with matrices multiplied in bfloat16',
      shows: 'times',
      ours: [programs.polyrank('tensorflow', bfloat16)],
      rivals: forms(programs, compiledBfloat16, 'bfloat16-compile', 1024),
      aims: [{ device: 'tensorflow', rival: compiledBfloat16, ratio: 0.8 }],
      tolerance: 0.01,
      note: 'Weights and optimizer are float32 on both sides; PyTorch by autocast. Of use where the processor has instructions for it (`amx_bf16` in the first line); others emulate them.',
    },
    step('experts-256', 256, { rivals: [], aims: [] }),
  ]
}

/** Of every batch size. */
const aims: readonly Aim[] = [
  { device: 'cpu', rival: eager, ratio: 1 },
  { device: 'tensorflow', rival: compiled, ratio: 1 },
]

/** The two ways to write the model: a module an expert, gate and tower, or all of a kind stacked. */
const forms = (programs: Programs, rival: string, mode: PytorchMode, rows: number) =>
  ['plain', 'stacked'].map((form) => programs.pytorch(rival, mode, form, { workload: 'experts', rows }))
