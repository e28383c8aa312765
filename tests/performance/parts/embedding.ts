import type { DeviceName } from '../../../models/engine/device.ts'
import type { Aim, Part } from '../part.ts'
import { devices, type Programs } from './programs.ts'

const pytorch = 'PyTorch'
const smaller = 'polyrank with 1 M rows'

/** Training step with a large table of embeddings; what a step costs must not grow with the table. */
export function embeddingParts(programs: Programs): readonly Part[] {
  const workOf = (tableRows: number) => ({ workload: 'embedding', rows: 2048, tableRows })
  const part = (name: string, tableRows: number): Part => ({
    name,
    title: `Training step over a table of ${tableRows / 1e6} M rows: 2048 examples of 26 Zipf ids, 16 wide, two hidden layers`,
    shows: 'times',
    ours: devices.map((device) => programs.polyrank(device, workOf(tableRows))),
    rivals: variants.map((form) => programs.pytorch(pytorch, 'eager', form, workOf(tableRows))),
    aims: forEach((device) => ({ device, rival: pytorch, ratio: 2 })),
    note,
  })
  const [small, large] = [part('embedding-1m', 1e6), part('embedding-10m', 1e7)]
  const beside = devices.map((device) =>
    programs.polyrankBeside(device, workOf(1e6), smaller, 'a table of another size draws other rows'),
  )
  // Within 10 %: the smaller table takes at least so much of the larger one's time.
  const growth = forEach((device) => ({ device, rival: smaller, ratio: 1 / 1.1 }))
  return [small, { ...large, rivals: [...large.rivals, ...beside], aims: [...large.aims, ...growth] }]
}

const forEach = (aim: (device: DeviceName) => Aim): readonly Aim[] => devices.map(aim)

/** How PyTorch's rows are looked up, and by what they are updated. */
const variants = ['Adagrad a row, unique', 'Adagrad a row, EmbeddingBag', 'SparseAdam, EmbeddingBag']

const note =
  'All sides start from the same rows, so the first loss is equal; then their rules differ: polyrank has one second moment a field and keeps averaged rows too, Adagrad one a row, SparseAdam two moments a weight. "Unique" makes ids distinct before they are looked up, and so does polyrank when it updates.'
