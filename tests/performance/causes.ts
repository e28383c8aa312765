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
  'rows are looked up and updated by JavaScript on one thread, which takes about two fifths of the step; PyTorch does it in native code on all threads. Seven tenths of its step are its dense layers alone, forward, backward and Adam: no table could make the whole twice as fast.'

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
    part: 'scoring-16',
    device: 'cpu',
    rival: 'PyTorch torch.compile',
    because:
      "with so few rows the eight multiplications take half of the time, by ONNX Runtime's profile; the other half goes into some thirty small kernels, which torch.compile fuses.",
  },
  {
    part: 'transformer',
    device: 'tensorflow',
    rival: 'PyTorch torch.compile',
    because: 'the two are level: runs of this benchmark found 0.956 to 1.09.',
  },
  {
    part: 'transformer',
    device: 'cpu',
    rival: 'PyTorch eager',
    because: 'the two are level, by what runs of this benchmark can tell apart: they found 0.83 to 1.00.',
  },
  ...['scoring-int8-128', 'scoring-int8-512'].map(
    (part): Cause => ({
      part,
      device: 'cpu',
      rival: 'PyTorch torch.compile',
      because:
        "of its time a third goes into the multiplications, by ONNX Runtime's profile; most of the rest quantises activations, row by row at every run.",
    }),
  ),
  ...both(
    'epoch',
    'PyTorch',
    'reading and encoding take as long as with numpy, a third of the whole; of a step, less than a third goes into its multiplications, and another third into rows, dropout and numbers that JavaScript looks up, draws and copies on one thread.',
  ),
  ...both('embedding-1m', 'PyTorch', table),
  ...both('embedding-10m', 'PyTorch', table),
  ...both(
    'embedding-10m',
    'polyrank with 1 M rows',
    'a batch of the larger table has a sixth more distinct rows, and caches hold less of the rest.',
  ),
]
