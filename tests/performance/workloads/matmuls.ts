import * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../../../models/engine/kernels/kernel.ts'
import type { Program, ProgramNode, TensorSpec } from '../../../models/engine/program.ts'
import { record } from '../../../models/engine/record.ts'

/** One multiplication of a program, by the shapes of its factors. */
export interface Matmul {
  readonly name: string
  readonly gflop: number
  readonly a: readonly number[]
  readonly b: readonly number[]
  readonly c: readonly number[]
  readonly transposeA: boolean
  readonly transposeB: boolean
}

/**
 * How matrices come and go, so that nothing but multiplying counts. `given` at each run, and of each product only its
 * greatest entry taken out: for a runtime that reads the caller's memory, and copies what it gives. `kept` between
 * runs, products too: for a runtime with a memory of its own.
 */
export type Placing = 'given' | 'kept'

/** Every multiplication of a program, in order. */
export const matmulsOf = ({ nodes, values }: Program): readonly Matmul[] =>
  nodes.filter(({ kernel }) => kernel === 'BatchMatMul').map((node) => matmulOf(node, values))

function matmulOf({ inputs, outputs, attributes }: ProgramNode, values: readonly TensorSpec[]): Matmul {
  const [a, b, c] = [inputs[0]!, inputs[1]!, outputs[0]!].map((value) => values[value]!.shape)
  const [transposeA, transposeB] = [attributes.transposeA === true, attributes.transposeB === true]
  const inner = a!.at(transposeA ? -2 : -1)!
  return {
    name: `${matrix(a!, transposeA)} x ${matrix(b!, transposeB)}`,
    // A multiply-add counts as two.
    gflop: (2 * inner * sizeOf(c!)) / 1e9,
    ...{ a: a!, b: b!, c: c!, transposeA, transposeB },
  }
}

const matrix = (shape: readonly number[], turned: boolean) => `[${shape.join(', ')}]${turned ? "'" : ''}`

/** Those that differ in their shapes. */
export const distinct = (matmuls: readonly Matmul[]): readonly Matmul[] => [
  ...new Map(matmuls.map((each) => [each.name, each])).values(),
]

/** Multiplications and nothing else, each of matrices of its own: `a0` and `b0` to `c0`, and so on. */
export function matmulProgram(matmuls: readonly Matmul[], placing: Placing): Program {
  const specs = (letter: 'a' | 'b' | 'c') =>
    matmuls.map((each, i): [string, TensorSpec] => [`${letter}${i}`, { shape: each[letter], dtype: 'float32' }])
  const factors = Object.fromEntries([...specs('a'), ...specs('b')])
  const multiplied = (tensors: Readonly<Record<string, tf.Tensor>>, of: (product: tf.Tensor) => tf.Tensor) =>
    Object.fromEntries(
      matmuls.map(({ transposeA, transposeB }, i) => [
        `c${i}`,
        of(tf.matMul(tensors[`a${i}`]!, tensors[`b${i}`]!, transposeA, transposeB)),
      ]),
    )
  if (placing === 'given')
    return record({ inputs: factors, run: (given) => ({ outputs: multiplied(given, (product) => tf.max(product)) }) })
  return record({
    inputs: {},
    state: { ...factors, ...Object.fromEntries(specs('c')) },
    run: (_, kept) => ({ outputs: {}, state: { ...kept, ...multiplied(kept, (product) => product) } }),
  })
}
