import type { Part } from '../part.ts'
import { devices, type Programs } from './programs.ts'

const eager = 'PyTorch eager'
const compiled = 'PyTorch torch.compile'

/** Training step of a small causal transformer. */
export function transformerParts(programs: Programs): readonly Part[] {
  const work = { workload: 'transformer', rows: 128 }
  return [
    {
      name: 'transformer',
      title:
        'Training step of a causal transformer: 128 x 64 tokens x 64 wide, 2 layers, 4 heads, gradient of the input included, Adam',
      shows: 'times',
      ours: devices.map((device) => programs.polyrank(device, work)),
      rivals: [
        programs.pytorch(eager, 'eager', 'explicit', work),
        programs.pytorch(eager, 'eager', 'SDPA', work),
        programs.pytorch(compiled, 'compile', 'SDPA', work),
      ],
      aims: [
        { device: 'cpu', rival: eager, ratio: 0.9 },
        { device: 'tensorflow', rival: compiled, ratio: 1 },
      ],
      note: 'Explicit: matrix multiplication, mask, softmax, matrix multiplication. SDPA: `scaled_dot_product_attention`.',
    },
  ]
}
