import type { DeviceName } from '../../models/engine/device.ts'

/** Why an aim is missed, in a sentence that measurements bear out. The page of results prints it beneath the aim. */
export interface Cause {
  readonly part: string
  readonly device: DeviceName
  readonly rival: string
  readonly because: string
}

const both = (part: string, rival: string, because: string): readonly Cause[] =>
  (['cpu', 'tensorflow'] as const).map((device) => ({ part, device, rival, because }))

/** The multiplications that the part `limits` measures. */
const kernels =
  'nearly all of the step is matrix multiplication, which the runtime does slower than the library that PyTorch calls (the part `limits` has both).'

const table =
  'rows are looked up and updated by JavaScript on one thread, which takes about half of the step; PyTorch does it in native code on all threads.'

export const causes: readonly Cause[] = [
  { part: 'experts-1024', device: 'cpu', rival: 'PyTorch eager', because: kernels },
  { part: 'experts-1024', device: 'tensorflow', rival: 'PyTorch eager', because: kernels },
  { part: 'experts-1024', device: 'tensorflow', rival: 'PyTorch torch.compile', because: kernels },
  {
    part: 'experts-1024',
    device: 'tensorflow',
    rival: 'TensorFlow.js tensorflow, eager',
    because:
      'with the experts stacked, TensorFlow.js spends its time in the same multiplications of the same library; what recording saves is the rest.',
  },
  { part: 'experts-256', device: 'tensorflow', rival: 'PyTorch torch.compile', because: kernels },
  {
    part: 'experts-256',
    device: 'cpu',
    rival: 'PyTorch eager',
    because:
      'ONNX Runtime for Node copies the weights and moments that leave a step into new memory, whatever the batch: at this size a third of it.',
  },
  ...both(
    'epoch',
    'PyTorch',
    'reading and encoding in JavaScript take as long as the whole of it does with numpy and PyTorch, and small batches leave little for a compiled step to save.',
  ),
  ...both('embedding-1m', 'PyTorch', table),
  ...both('embedding-10m', 'PyTorch', table),
  ...both(
    'embedding-10m',
    'polyrank with 1 M rows',
    'a batch of the larger table has a sixth more distinct rows, and caches hold less of the rest.',
  ),
]
