import { sizeOf } from '../../models/engine/kernels/kernel.ts'
import type { Program, ProgramNode, TensorSpec } from '../../models/engine/program.ts'

export interface Matmul {
  readonly name: string
  readonly gflop: number
  /** The multiplication alone; inputs `a0`, `b0`, output `c0`. */
  readonly program: Program
}

const isMatmul = ({ kernel }: ProgramNode) => kernel === 'BatchMatMul'

/** The matrix multiplications of a program and nothing else, each of inputs of its own: `a0`, `b0` to `c0`, and so on. */
export function matmulsOf({ values, nodes }: Program): Program {
  const specs: TensorSpec[] = []
  const place = (value: number) => specs.push(values[value]!) - 1
  const placed = nodes.filter(isMatmul).map(({ inputs, outputs, ...node }) => ({
    ...node,
    inputs: inputs.map(place),
    outputs: outputs.map(place),
  }))
  return {
    values: specs,
    nodes: placed,
    constants: new Map(),
    inputs: placed.flatMap(({ inputs: [a, b] }, i) => [
      { name: `a${i}`, value: a! },
      { name: `b${i}`, value: b! },
    ]),
    outputs: placed.map(({ outputs: [c] }, i) => ({ name: `c${i}`, value: c! })),
    state: [],
  }
}

/** The different multiplications of a program, one by one. */
export function eachMatmul(program: Program): readonly Matmul[] {
  const named = program.nodes.filter(isMatmul).map((node): [string, Matmul] => {
    const [a, b] = node.inputs.map((input) => program.values[input]!.shape)
    const { transposeA, transposeB } = node.attributes
    const name = `${matrix(a!, transposeA === true)} x ${matrix(b!, transposeB === true)}`
    return [name, { name, gflop: gflopOf(program, node), program: matmulsOf({ ...program, nodes: [node] }) }]
  })
  return [...new Map(named).values()]
}

const matrix = (shape: readonly number[], turned: boolean) => `[${shape.join(', ')}]${turned ? "'" : ''}`

function gflopOf({ values }: Program, { inputs: [a], outputs: [c], attributes }: ProgramNode): number {
  const inner = values[a!]!.shape.at(attributes.transposeA === true ? -2 : -1)!
  return (2 * inner * sizeOf(values[c!]!.shape)) / 1e9
}

/** Of all multiplications of a program; a multiply-add counts as two. */
export const matmulGflop = (program: Program): number =>
  program.nodes.filter(isMatmul).reduce((sum, node) => sum + gflopOf(program, node), 0)
