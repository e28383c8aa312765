import { sizeOf } from '../kernels/kernel.ts'
import type { Program, ProgramNode, TypedArray, ValueId } from '../program.ts'
import type { GraphWriter, LoweredNode, Lowering } from './graph.ts'
import { knownValues } from './known-values.ts'
import { type ExternalTensor, lowerings, toGraph } from './lower.ts'
import { elementTypes, encodeModel, type OnnxGraph } from './schema.ts'

/** Matrices [.., k, n] in whole numbers: an entry is its value times the scale of its column. */
export interface QuantizedMatrices {
  readonly shape: readonly number[]
  readonly values: Int8Array
  /** [.., 1, n] */
  readonly scales: Float32Array
}

/** By the matmul whose right side they are. */
export type QuantizedMatmuls = ReadonlyMap<ProgramNode, QuantizedMatrices>

/**
 * Weights reach from -64 to 64, a bit less than int8 has: AVX2, and AVX-512 without VNNI, add two products of an unsigned
 * and a signed byte in 16 bits and cut what does not fit. 2 * 255 * 64 fits, so that sums are exact, and the same, on
 * every processor. (Unsigned weights would need no such care, and take a quarter more time.)
 */
const weightLevels = 64
/** Activations are unsigned bytes, 127 levels to each side of this zero. */
const [zeroPoint, activationLevels] = [128, 127]
/** Sums of more products may not fit 32 bits. */
const mostProducts = 2 ** 17
/** Products for each entry that is quantised or scaled back; with fewer, float32 is as fast. */
const leastGain = 48
/** Smaller than any step that matters; rows of zeros are divided by it. */
const leastStep = 1e-30

/** Symmetric, each column of each matrix with a scale of its own. */
export function quantizeColumns(shape: readonly number[], data: TypedArray): QuantizedMatrices {
  const [rows, columns] = shape.slice(-2) as [number, number]
  const values = new Int8Array(data.length)
  const scales = new Float32Array(data.length / rows)
  for (let i = 0; i < scales.length; i++) {
    const at = (row: number) => (Math.floor(i / columns) * rows + row) * columns + (i % columns)
    let most = 0
    for (let row = 0; row < rows; row++) most = Math.max(most, Math.abs(data[at(row)]!))
    const scale = Math.fround(most / weightLevels)
    scales[i] = scale
    // Rounded to float32, the scale of tiny weights may be too small by a large part of itself.
    const level = (value: number) => Math.max(-weightLevels, Math.min(weightLevels, Math.round(value / scale)))
    if (scale > 0) for (let row = 0; row < rows; row++) values[at(row)] = level(data[at(row)]!)
  }
  return { shape, values, scales }
}

/**
 * The matmuls of `program` whose right side is known when it is lowered - a constant, an input that `given` has, a part of
 * one - and which gain. Products of two activations, and small ones, stay in float32. So do the usual gates, of few
 * columns, although they read rows that are quantised anyway: it would double the error of scores for a twentieth of the
 * time (measured).
 */
export function quantizeMatmuls(program: Program, given: Readonly<Record<string, TypedArray>> = {}): QuantizedMatmuls {
  const known = knownValues(program, given)
  const shapeOf = (value: ValueId) => program.values[value]!.shape
  const gains = ({ kernel, inputs: [left, right], outputs, attributes }: ProgramNode) => {
    if (kernel !== 'BatchMatMul' || attributes.transposeA === true || attributes.transposeB === true) return false
    const [products, out] = [shapeOf(right!).at(-2)!, sizeOf(shapeOf(outputs[0]!))]
    return products <= mostProducts && (products * out) / (sizeOf(shapeOf(left!)) + out) >= leastGain
  }
  return new Map(
    program.nodes.flatMap((node): [ProgramNode, QuantizedMatrices][] => {
      const data = known.get(node.inputs[1]!)
      return data !== undefined && gains(node) ? [[node, quantizeColumns(shapeOf(node.inputs[1]!), data)]] : []
    }),
  )
}

/**
 * `program` as an ONNX model whose `matmuls` multiply whole numbers; initializers that this leaves unread are left out.
 * `external` as of `toOnnx`.
 */
export function toQuantizedOnnx(
  program: Program,
  matmuls: QuantizedMatmuls,
  external: Readonly<Record<string, ExternalTensor>> = {},
): Uint8Array {
  const BatchMatMul = quantizedMatMul(matmuls)
  return encodeModel(pruned(toGraph(program, external, { ...lowerings, BatchMatMul })))
}

/** Rows [count, width] in whole numbers: what each must be multiplied with [count], and the bytes. */
interface QuantizedRows {
  readonly steps: string
  readonly bytes: string
}

function quantizedMatMul(matmuls: QuantizedMatmuls): Lowering {
  const quantized = new Map<string, QuantizedRows>()
  return (graph, node) => {
    const weights = matmuls.get(node.source)
    if (weights === undefined) return lowerings.BatchMatMul!(graph, node)
    node.read('transposeA')
    node.read('transposeB')
    const { shape } = node.inputSpecs[0]!
    const rows = quantized.get(node.inputs[0]!) ?? quantizeRows(graph, node.inputs[0]!, shape)
    quantized.set(node.inputs[0]!, rows)
    multiply(graph, node, rows, weights)
  }
}

/**
 * Each row by its own largest entry, so that what becomes of a row depends on that row alone, and not on the others that
 * are scored with it.
 */
function quantizeRows(graph: GraphWriter, input: string, shape: readonly number[]): QuantizedRows {
  const [count, width] = [sizeOf(shape.slice(0, -1)), shape.at(-1)!]
  const rows = graph.node('Reshape', [input, graph.int64s([count, width])], { allowzero: 1 })
  const most = graph.node('ReduceMax', [graph.node('Abs', [rows]), graph.int64s([1])], { keepdims: 0 })
  const step = graph.node('Mul', [most, graph.scalar(1 / activationLevels, 'float32')])
  const steps = graph.node('Max', [step, graph.scalar(leastStep, 'float32')])
  const zeros = constant(graph, `${steps}.zeros`, [count], 'uint8', new Uint8Array(count).fill(zeroPoint))
  return { steps, bytes: graph.node('QuantizeLinear', [rows, steps, zeros], { axis: 0 }) }
}

/** By an operator of ONNX Runtime's own: the standard ones take a pass each to convert sums and to scale columns. */
function multiply(
  graph: GraphWriter,
  { inputSpecs, outputs }: LoweredNode,
  { steps, bytes }: QuantizedRows,
  { shape, values, scales }: QuantizedMatrices,
): void {
  const [left, output] = [inputSpecs[0]!.shape, outputs[0]!]
  const reshape = (input: string, to: readonly number[]) => graph.node('Reshape', [input, graph.int64s(to)])
  const perColumn = shape.length === 2 ? shape.slice(1) : shape.with(-2, 1)
  const product = graph.node('com.microsoft.MatMulIntegerToFloat', [
    reshape(bytes, left),
    constant(graph, `${output}.weights`, shape, 'int8', values),
    graph.scalar(1, 'float32'),
    constant(graph, `${output}.scales`, perColumn, 'float32', scales),
    constant(graph, `${output}.zero`, [], 'uint8', Uint8Array.of(zeroPoint)),
  ])
  graph.node('Mul', [product, reshape(steps, left.with(-1, 1))], {}, output)
}

function constant(
  graph: GraphWriter,
  name: string,
  dims: readonly number[],
  type: 'uint8' | 'int8' | 'float32',
  data: Uint8Array | Int8Array | Float32Array,
): string {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  graph.initializer({ name, dims, dataType: elementTypes[type], rawData })
  return name
}

/** The graph without what none of its results needs. */
function pruned(graph: OnnxGraph): OnnxGraph {
  const needed = new Set(graph.output.map(({ name }) => name))
  const kept = graph.node.toReversed().filter(({ input, output }) => {
    const isNeeded = output.some((name) => needed.has(name))
    if (isNeeded) for (const name of input) needed.add(name)
    return isNeeded
  })
  return {
    ...graph,
    node: kept.reverse(),
    initializer: graph.initializer.filter(({ name }) => needed.has(name)),
  }
}
