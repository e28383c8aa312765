import type { KernelCase } from './kernel-cases/case.ts'
import { contractionCases } from './kernel-cases/contraction.ts'
import { edgeCases } from './kernel-cases/edges.ts'
import { elementwiseCases } from './kernel-cases/elementwise.ts'
import { reductionCases } from './kernel-cases/reduction.ts'
import { shapeCases } from './kernel-cases/shape.ts'

/** What every device is held to: each kernel, and each gradient, with the same numbers at every run. */
export const kernelCases: readonly KernelCase[] = [
  ...contractionCases,
  ...edgeCases,
  ...elementwiseCases,
  ...reductionCases,
  ...shapeCases,
]

export const casesByKernel: ReadonlyMap<string, readonly KernelCase[]> = kernelCases.reduce(
  (groups, each) => groups.set(each.kernel, [...(groups.get(each.kernel) ?? []), each]),
  new Map<string, KernelCase[]>(),
)
