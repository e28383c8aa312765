import { contractions } from './contraction.ts'
import { elementwise } from './elementwise.ts'
import type { KernelTable } from './kernel.ts'
import { reductions } from './reduction.ts'
import { shapes } from './shape.ts'

/** Every kernel that the engine records. Each has a lowering for every device, and a case in the kernel tests. */
export const kernels: KernelTable = { ...contractions, ...elementwise, ...reductions, ...shapes }
