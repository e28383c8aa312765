import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import { kernels } from '../../../models/engine/kernels/table.ts'
import { toOnnx } from '../../../models/engine/onnx/lower.ts'
import type { DType, ProgramNode } from '../../../models/engine/program.ts'
import { casesByKernel } from './kernel-cases.ts'
import { programOf, testKernels, testLowering } from './kernel-contract.ts'

testKernels(cpu, 1e-5)
testLowering('ONNX', toOnnx)

/** Kernels whose first input says nothing of the type that they compute in. */
const chosen = new Set(['Fill', 'OneHot', 'Range', 'Select'])

test('every kernel of the recorder has a case of each type that it takes', () => {
  const all: readonly DType[] = ['float32', 'int32', 'bool']
  for (const [kernel, { types = all }] of Object.entries(kernels)) {
    assert.ok(casesByKernel.has(kernel), `${kernel} has no case in kernel-cases`)
    const { nodes, values } = programOf(kernel)
    const typed = (node: ProgramNode) => (chosen.has(kernel) ? node.outputs : node.inputs)
    const seen = new Set(nodes.flatMap((node) => (node.kernel === kernel ? values[typed(node)[0]!]!.dtype : [])))
    assert.deepEqual(
      types.filter((type) => !seen.has(type)),
      [],
      `types of ${kernel} without a case`,
    )
  }
})
