import type { Part } from '../part.ts'
import { devices, type Programs } from './programs.ts'

const compiled = 'PyTorch torch.compile'
const inference = 'PyTorch inference_mode'

/** Candidates of a request, and what the processor aims at. On TensorFlow it is reported only. */
const sizes = [
  { candidates: 16, aim: 1.5 },
  { candidates: 128, aim: 0.8 },
  { candidates: 512, aim: 0.8 },
]

/** Latency of one request, features in and probabilities out. */
export const scoringParts = (programs: Programs): readonly Part[] =>
  sizes.map(({ candidates, aim }) => {
    const work = { workload: 'scoring', rows: candidates }
    const forms = ['plain', 'stacked']
    return {
      name: `scoring-${candidates}`,
      title: `Scoring ${candidates} candidates with the multi-gate experts: median latency of a request`,
      shows: 'times',
      ours: devices.map((device) => programs.polyrank(device, work)),
      rivals: [
        ...forms.map((form) => programs.pytorch(compiled, 'compile', form, work)),
        ...forms.map((form) => programs.pytorch(inference, 'inference', form, work)),
      ],
      aims: [{ device: 'cpu', rival: compiled, ratio: aim }],
    }
  })
