import { sizeOf } from '../../../models/engine/kernels/kernel.ts'
import type { Program, ProgramNode, TensorSpec } from '../../../models/engine/program.ts'

export interface Matmul {
  readonly name: string
  readonly gflop: number
  /** The multiplication alone; `a0` and `b0` to `c0`. */
  readonly program: Program
}

/**
 * How a program of multiplications gets its matrices. `given` at each run, and results taken out: free where the runtime
 * computes on the caller's memory. `kept` between runs, and results kept too: free where it has a memory of its own.
 */
export type Placing = 'given' | 'kept'

const isMatmul = ({ kernel }: ProgramNode) => kernel === 'BatchMatMul'

/** The matrix multiplications of a program and nothing else, each of matrices of its own: `a0`, `b0` to `c0`, and so on. */
export function matmulsOf({ values, nodes }: Program, placing: Placing): Program {
  const specs: TensorSpec[] = []
  const place = (value: number) => specs.push(values[value]!) - 1
  const placed = nodes.filter(isMatmul).map((node) => {
    const [inputs, outputs] = [node.inputs.map(place), node.outputs.map(place)]
    return { ...node, inputs, outputs }
  })
  const named = (letter: string, pick: (node: ProgramNode) => number) =>
    placed.map((node, i) => ({ name: `${letter}${i}`, value: pick(node) }))
  const factors = [...named('a', ({ inputs }) => inputs[0]!), ...named('b', ({ inputs }) => inputs[1]!)]
  const products = named('c', ({ outputs }) => outputs[0]!)
  const shared = { nodes: placed, constants: new Map() }
  if (placing === 'given') return { ...shared, values: specs, inputs: factors, outputs: products, state: [] }
  const state = [
    ...factors.map(({ name, value }) => ({ name, from: value, to: value })),
    ...products.map(({ name, value }) => ({ name, from: specs.push(specs[value]!) - 1, to: value })),
  ]
  return { ...shared, values: specs, inputs: [], outputs: [], state }
}

/** The different multiplications of a program, one by one. */
export function eachMatmul(program: Program, placing: Placing): readonly Matmul[] {
  const named = program.nodes.filter(isMatmul).map((node): [string, Matmul] => {
    const [a, b] = node.inputs.map((input) => program.values[input]!.shape)
    const { transposeA, transposeB } = node.attributes
    const name = `${matrix(a!, transposeA === true)} x ${matrix(b!, transposeB === true)}`
    return [name, { name, gflop: gflopOf(program, node), program: matmulsOf({ ...program, nodes: [node] }, placing) }]
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
