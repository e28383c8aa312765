import { sizeOf } from '../kernels/kernel.ts'
import type { GraphWriter, LoweredNode, Lowering, LoweringTable } from './graph.ts'
import { elementTypes } from './schema.ts'

const reduce =
  (opType: string): Lowering =>
  (graph, node) => {
    const axes = node.read<readonly number[]>('axes')
    const keepdims = node.read<boolean>('keepDims') ? 1 : 0
    const [from, to] = [node.inputSpecs[0]!.dtype, node.outputSpecs[0]!.dtype]
    const x = from === to ? node.inputs[0]! : graph.node('Cast', [node.inputs[0]!], { to: elementTypes[to] })
    // Without axes ONNX would reduce all of them, TensorFlow.js none.
    if (axes.length === 0) graph.node('Identity', [x], {}, node.outputs[0])
    else graph.node(opType, [x, graph.int64s(axes)], { keepdims }, node.outputs[0])
  }

/** ONNX Runtime passes over what is not a number; TensorFlow.js gives it back, so that it is seen. */
const extreme =
  (opType: string): Lowering =>
  (graph, node) => {
    const axes = node.read<readonly number[]>('axes')
    const [x] = node.inputs as [string]
    if (axes.length === 0 || node.inputSpecs[0]!.dtype !== 'float32') {
      reduce(opType)(graph, node)
      return
    }
    const over = [graph.int64s(axes), { keepdims: node.read<boolean>('keepDims') ? 1 : 0 }] as const
    const strange = graph.node('Cast', [graph.node('Not', [graph.node('Equal', [x, x])])], { to: elementTypes.float32 })
    const isAny = graph.node('Greater', [
      graph.node('ReduceMax', [strange, over[0]], over[1]),
      graph.scalar(0, 'float32'),
    ])
    const found = graph.node(opType, [x, over[0]], over[1])
    graph.node('Where', [isAny, graph.scalar(Number.NaN, 'float32'), found], {}, node.outputs[0])
  }

const alongAxis =
  (opType: string): Lowering =>
  (graph, node) => {
    graph.node(opType, node.inputs, { axis: node.read<number>('axis') }, node.outputs[0])
  }

const reshape: Lowering = (graph, node) => {
  graph.node(
    'Reshape',
    [node.inputs[0]!, graph.int64s(node.read<readonly number[]>('shape'))],
    { allowzero: 1 },
    node.outputs[0],
  )
}

function slice(
  graph: GraphWriter,
  input: string,
  begin: readonly number[],
  end: readonly number[],
  output?: string,
): string {
  return graph.node(
    'Slice',
    [input, graph.int64s(begin), graph.int64s(end), graph.int64s(begin.map((_, i) => i))],
    {},
    output,
  )
}

/** Pieces of `sizes` along `axis`, in order. */
function pieces(graph: GraphWriter, node: LoweredNode, axis: number, sizes: readonly number[]): string[] {
  let offset = 0
  return sizes.map((size) => {
    const from = offset
    offset += size
    return graph.node('Slice', [node.inputs[0]!, graph.int64s([from]), graph.int64s([offset]), graph.int64s([axis])])
  })
}

/** As many as the node's output has entries. */
function zeros(graph: GraphWriter, node: LoweredNode, output?: string): string {
  const { shape, dtype } = node.outputSpecs[0]!
  return graph.node('Expand', [graph.scalar(0, dtype), graph.int64s(shape)], {}, output)
}

/** [.., m, k] x [.., k, n]: one Gemm where both are plain matrices, since it takes transposed inputs as they lie. */
const matMul: Lowering = (graph, node) => {
  const [transA, transB] = [node.read<boolean>('transposeA'), node.read<boolean>('transposeB')]
  const ranks = node.inputSpecs.map(({ shape }) => shape.length)
  // ONNX Runtime leaves a batch of sums of nothing as the memory was, or gives it another shape.
  if (node.inputSpecs.some(({ shape }) => sizeOf(shape) === 0)) {
    zeros(graph, node, node.outputs[0])
    return
  }
  if (ranks.every((rank) => rank === 2)) {
    graph.node('Gemm', node.inputs, { transA: transA ? 1 : 0, transB: transB ? 1 : 0 }, node.outputs[0])
    return
  }
  const turned = node.inputs.map((input, i) => {
    if (![transA, transB][i]) return input
    const perm = Array.from({ length: ranks[i]! }, (_, axis) => axis)
    perm.push(...perm.splice(-2).reverse())
    return graph.node('Transpose', [input], { perm })
  })
  graph.node('MatMul', turned, {}, node.outputs[0])
}

export const arrangement: LoweringTable = {
  BatchMatMul: matMul,
  Max: extreme('ReduceMax'),
  Mean: reduce('ReduceMean'),
  Min: extreme('ReduceMin'),
  Prod: reduce('ReduceProd'),
  Sum: reduce('ReduceSum'),
  Softmax: alongAxis('Softmax'),
  Concat: alongAxis('Concat'),
  GatherV2: alongAxis('Gather'),
  Reshape: reshape,
  ExpandDims: reshape,
  Cumsum: (graph, node) => {
    const axis = graph.node('Squeeze', [graph.int64s([node.read<number>('axis')])])
    const flags = { exclusive: node.read<boolean>('exclusive') ? 1 : 0, reverse: node.read<boolean>('reverse') ? 1 : 0 }
    graph.node('CumSum', [node.inputs[0]!, axis], flags, node.outputs[0])
  },
  Fill: (graph, node) => {
    const value = graph.scalar(node.read<number>('value'), node.outputSpecs[0]!.dtype)
    graph.node('Expand', [value, graph.int64s(node.read<readonly number[]>('shape'))], {}, node.outputs[0])
  },
  Pack: (graph, node) => {
    const axis = node.read<number>('axis')
    const widened = node.inputs.map((input) => graph.node('Unsqueeze', [input, graph.int64s([axis])]))
    graph.node('Concat', widened, { axis }, node.outputs[0])
  },
  Unpack: (graph, node) => {
    const axis = node.read<number>('axis')
    const sizes = node.outputs.map(() => 1)
    pieces(graph, node, axis, sizes).forEach((piece, i) => {
      graph.node('Squeeze', [piece, graph.int64s([axis])], {}, node.outputs[i])
    })
  },
  SplitV: (graph, node) => {
    pieces(graph, node, node.read<number>('axis'), node.read<readonly number[]>('sizes')).forEach((piece, i) => {
      graph.node('Identity', [piece], {}, node.outputs[i])
    })
  },
  Slice: (graph, node) => {
    const [begin, end] = [node.read<readonly number[]>('begin'), node.read<readonly number[]>('end')]
    if (begin.length === 0) graph.node('Identity', node.inputs, {}, node.outputs[0])
    else slice(graph, node.inputs[0]!, begin, end, node.outputs[0])
  },
  PadV2: (graph, node) => {
    const pads = graph.int64s([...node.read<readonly number[]>('before'), ...node.read<readonly number[]>('after')])
    const value = graph.scalar(node.read<number>('constantValue'), node.outputSpecs[0]!.dtype)
    graph.node('Pad', [node.inputs[0]!, pads, value], {}, node.outputs[0])
  },
  Tile: (graph, node) => {
    const times = node.read<readonly number[]>('reps')
    const { shape } = node.inputSpecs[0]!
    // ONNX Runtime's Tile copies single entries along the last axis, its Expand whole runs: six times as fast.
    if (times.every((count, axis) => count === 1 || (count > 1 && shape[axis] === 1)))
      graph.node('Expand', [node.inputs[0]!, graph.int64s(node.outputSpecs[0]!.shape)], {}, node.outputs[0])
    else graph.node('Tile', [node.inputs[0]!, graph.int64s(times)], {}, node.outputs[0])
  },
  Transpose: (graph, node) => {
    graph.node('Transpose', node.inputs, { perm: node.read<readonly number[]>('perm') }, node.outputs[0])
  },
  OneHot: (graph, node) => {
    const { shape, dtype } = node.outputSpecs[0]!
    // Not ONNX's OneHot: it counts ids below 0 from the end, and ONNX Runtime's knows few types.
    const classes = Array.from({ length: shape.at(-1)! }, (_, id) => id)
    const ids = graph.node('Unsqueeze', [node.inputs[0]!, graph.int64s([shape.length - 1])])
    const isOn = graph.node('Equal', [ids, graph.vector(classes, 'int32')])
    const kind = dtype === 'bool' ? 'int32' : dtype
    const values = [graph.scalar(node.read<number>('on'), kind), graph.scalar(node.read<number>('off'), kind)]
    const picked = graph.node('Where', [isOn, ...values], {}, dtype === kind ? node.outputs[0] : undefined)
    if (dtype !== kind) graph.node('Cast', [picked], { to: elementTypes[dtype] }, node.outputs[0])
  },
  Range: (graph, node) => {
    const { shape, dtype } = node.outputSpecs[0]!
    const [start, step] = [node.read<number>('start'), node.read<number>('step')]
    const values = Array.from({ length: shape[0]! }, (_, i) => start + i * step)
    graph.node('Identity', [graph.vector(values, dtype)], {}, node.outputs[0])
  },
  StridedSlice: (graph, node) => {
    const bounds = (['begin', 'end', 'strides'] as const).map((name) => node.read<readonly number[]>(name))
    const axes = bounds[0]!.map((_, axis) => axis)
    // An end below 0 lies before the first entry; ONNX would count it from the last.
    const ends = bounds[1]!.map((end) => (end < 0 ? -(2 ** 31) : end))
    const [begin, end, strides] = [bounds[0]!, ends, bounds[2]!].map((bound) => graph.int64s(bound))
    const picked = graph.node('Slice', [node.inputs[0]!, begin!, end!, graph.int64s(axes), strides!])
    graph.node('Reshape', [picked, graph.int64s(node.outputSpecs[0]!.shape)], { allowzero: 1 }, node.outputs[0])
  },
  UnsortedSegmentSum: (graph, node) => {
    const rows = node.inputSpecs[0]!.shape
    if (sizeOf(rows) === 0) {
      zeros(graph, node, node.outputs[0])
      return
    }
    const column = graph.node('Reshape', [
      node.inputs[1]!,
      graph.int64s(rows.map((extent, axis) => (axis === 0 ? extent : 1))),
    ])
    const ids = graph.node('Expand', [column, graph.int64s(rows)])
    // Not ScatterND: ONNX Runtime adds its rows from several threads, so equal ids race.
    graph.node(
      'ScatterElements',
      [zeros(graph, node), ids, node.inputs[0]!],
      { axis: 0, reduction: 'add' },
      node.outputs[0],
    )
  },
}
