import type { Part } from '../part.ts'
import { devices, type Programs } from './programs.ts'

const compiled = 'PyTorch torch.compile'
const inference = 'PyTorch inference_mode'

/** Candidates of a request, and what the processor aims at, in 8 bits too where there is one. On TensorFlow it is reported only. */
const sizes = [
  { candidates: 16, aim: 1.5 },
  { candidates: 128, aim: 0.8, int8Aim: 1.5 },
  { candidates: 512, aim: 0.8, int8Aim: 1.5 },
]

/** Latency of one request, features in and probabilities out. */
export const scoringParts = (programs: Programs): readonly Part[] =>
  sizes.flatMap(({ candidates, aim, int8Aim }) => {
    const work = { workload: 'scoring', rows: candidates }
    const forms = ['plain', 'stacked']
    const rivals = [
      ...forms.map((form) => programs.pytorch(compiled, 'compile', form, work)),
      ...forms.map((form) => programs.pytorch(inference, 'inference', form, work)),
    ]
    const part = {
      name: `scoring-${candidates}`,
      title: `Scoring ${candidates} candidates with the multi-gate experts: median latency of a request`,
      shows: 'times' as const,
      ours: devices.map((device) => programs.polyrank(device, work)),
      rivals,
      aims: [{ device: 'cpu' as const, rival: compiled, ratio: aim }],
    }
    if (int8Aim === undefined) return [part]
    return [
      part,
      {
        ...part,
        name: `scoring-int8-${candidates}`,
        title: `Scoring ${candidates} candidates, polyrank with large matrices in 8 bits and PyTorch in float32`,
        ours: [programs.polyrank('cpu', { workload: 'scoring-int8', rows: candidates })],
        aims: [{ device: 'cpu' as const, rival: compiled, ratio: int8Aim }],
        tolerance: 0.01,
        note: 'As `engine.serving.precision: int8` serves them: weights by column and activations by row. Of use where the processor multiplies 8-bit numbers (`avx512_vnni`, `avx_vnni` or `amx_int8` in the first line).',
      },
    ]
  })
