import type { Part } from '../part.ts'
import { devices, type Programs } from './programs.ts'

const pytorch = 'PyTorch'

/** A whole pass over the bundled sample. */
export function epochParts(programs: Programs): readonly Part[] {
  const work = { workload: 'epoch', rows: 256 }
  return [
    {
      name: 'epoch',
      title:
        'The bundled KuaiRand sample: reading, encoding, and one pass of the default ranker (trunk and MMoE, batches of 256)',
      shows: 'times',
      ours: devices.map((device) => programs.polyrank(device, work)),
      rivals: [
        programs.pytorch(pytorch, 'eager', 'eager', work),
        programs.pytorch(pytorch, 'compile', 'torch.compile', work),
      ],
      aims: [
        { device: 'cpu', rival: pytorch, ratio: 3 },
        { device: 'tensorflow', rival: pytorch, ratio: 4 },
      ],
      tolerance: 0.01,
      note: 'The same files, rows, features, model, rule and averaging. Compiling is counted on no side. The numbers are the rows, the mean of all numeric features, the loss of base rates alone, and the mean loss of a first pass.',
    },
  ]
}
