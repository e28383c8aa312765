import { Fault } from '../../spec/fault.ts'
import type { Precision } from '../device.ts'
import { type GraphWriter, type LoweredNode, type Lowering, type LoweringTable, typeAttribute } from './graph.ts'

const typed = (node: LoweredNode) => ({ T: typeAttribute(node.inputSpecs[0]!.dtype) })
const axesType = { Tidx: typeAttribute('int32') }

const axesAndFlags = (graph: GraphWriter, node: LoweredNode) => ({
  axes: graph.int32s(node.read<readonly number[]>('axes')),
  flags: { ...axesType, keep_dims: { b: node.read<boolean>('keepDims') } },
})
const reduce =
  (op: string): Lowering =>
  (graph, node) => {
    const { axes, flags } = axesAndFlags(graph, node)
    return graph.node(op, [node.inputs[0]!, axes], { ...typed(node), ...flags })
  }

/** TensorFlow's own lose a NaN. */
const extreme =
  (op: string): Lowering =>
  (graph, node) => {
    const { axes, flags } = axesAndFlags(graph, node)
    const found = graph.node(op, [node.inputs[0]!, axes], { ...typed(node), ...flags })
    if (node.inputSpecs[0]!.dtype !== 'float32') return found
    const unknown = graph.node('IsNan', node.inputs, typed(node))
    const inputs = [graph.node('Any', [unknown, axes], flags), graph.scalar(Number.NaN, 'float32'), found]
    return graph.node('SelectV2', inputs, typed(node))
  }

/** As TensorFlow.js has it: of whole numbers a fraction, and of none 0. */
const mean: Lowering = (graph, node) => {
  const { dtype } = node.inputSpecs[0]!
  const float = { T: typeAttribute('float32') }
  const asFloat = { SrcT: typeAttribute(dtype), DstT: float.T }
  const input = dtype === 'float32' ? node.inputs[0]! : graph.node('Cast', node.inputs, asFloat)
  const { axes, flags } = axesAndFlags(graph, node)
  const count = node.read<readonly number[]>('axes').reduce((size, axis) => size * node.inputSpecs[0]!.shape[axis]!, 1)
  return graph.node(count === 0 ? 'Sum' : 'Mean', [input, axes], { ...float, ...flags })
}

const reshape: Lowering = (graph, node) => reshaped(graph, node, node.inputs[0]!, node.read<readonly number[]>('shape'))

const reshaped = (graph: GraphWriter, node: LoweredNode, input: string, shape: readonly number[]) =>
  graph.node('Reshape', [input, graph.int32s(shape)], { ...typed(node), Tshape: typeAttribute('int32') })

const outputs = (node: LoweredNode, name: string) => node.outputSpecs.map((_, i) => (i === 0 ? name : `${name}:${i}`))

/**
 * [.., m, k] x [.., k, n]. In bfloat16, factors and products are rounded, and sums float32; such matmuls stay out of
 * XLA, whose own are slower than oneDNN's (62 to 79 ms for the benchmark's step, AVX2).
 */
export const matMulIn =
  (precision: Precision): Lowering =>
  (graph, node) => {
    const [a, b] = [node.read<boolean>('transposeA'), node.read<boolean>('transposeB')]
    const isMatrix = node.inputSpecs.every(({ shape }) => shape.length === 2)
    const turned = isMatrix ? { transpose_a: { b: a }, transpose_b: { b } } : { adj_x: { b: a }, adj_y: { b } }
    const op = isMatrix ? 'MatMul' : 'BatchMatMulV2'
    if (precision === 'float32' || node.inputSpecs[0]!.dtype !== 'float32')
      return graph.node(op, node.inputs, { ...typed(node), ...turned })
    const rounded = node.inputs.map((input) => cast(graph, input, 'float32', 'bfloat16'))
    const product = graph.plain(op, rounded, { T: typeAttribute('bfloat16'), ...turned })
    return cast(graph, product, 'bfloat16', 'float32')
  }

type Castable = 'float32' | 'bfloat16'
const cast = (graph: GraphWriter, input: string, from: Castable, to: Castable) =>
  graph.node('Cast', [input], { SrcT: typeAttribute(from), DstT: typeAttribute(to) })

export const arrangement: LoweringTable = {
  Max: extreme('Max'),
  Mean: mean,
  Min: extreme('Min'),
  Prod: reduce('Prod'),
  Sum: reduce('Sum'),
  Reshape: reshape,
  ExpandDims: reshape,
  Softmax: (graph, node) => {
    const axis = node.read<number>('axis')
    if (axis !== node.inputSpecs[0]!.shape.length - 1)
      throw new Fault(
        'ENGINE_OP_UNSUPPORTED',
        'TensorFlow takes the softmax along the last axis only; transpose first.',
      )
    return graph.node('Softmax', node.inputs, typed(node))
  },
  Concat: (graph, node) =>
    graph.node('ConcatV2', [...node.inputs, graph.scalar(node.read<number>('axis'), 'int32')], {
      ...typed(node),
      ...axesType,
      N: { i: node.inputs.length },
    }),
  Cumsum: (graph, node) =>
    graph.node('Cumsum', [node.inputs[0]!, graph.scalar(node.read<number>('axis'), 'int32')], {
      ...typed(node),
      ...axesType,
      exclusive: { b: node.read<boolean>('exclusive') },
      reverse: { b: node.read<boolean>('reverse') },
    }),
  GatherV2: (graph, node) =>
    graph.node('GatherV2', [...node.inputs, graph.scalar(node.read<number>('axis'), 'int32')], {
      Tparams: typed(node).T,
      Tindices: typeAttribute('int32'),
      Taxis: typeAttribute('int32'),
      batch_dims: { i: 0 },
    }),
  Fill: (graph, node) => {
    const { dtype } = node.outputSpecs[0]!
    const inputs = [
      graph.int32s(node.read<readonly number[]>('shape')),
      graph.scalar(node.read<number>('value'), dtype),
    ]
    return graph.node('Fill', inputs, { T: typeAttribute(dtype), index_type: typeAttribute('int32') })
  },
  Pack: (graph, node) =>
    graph.node('Pack', node.inputs, {
      ...typed(node),
      N: { i: node.inputs.length },
      axis: { i: node.read<number>('axis') },
    }),
  Unpack: (graph, node) => {
    const attributes = { ...typed(node), num: { i: node.outputSpecs.length }, axis: { i: node.read<number>('axis') } }
    return outputs(node, graph.node('Unpack', node.inputs, attributes))
  },
  SplitV: (graph, node) => {
    const sizes = graph.int32s(node.read<readonly number[]>('sizes'))
    const inputs = [node.inputs[0]!, sizes, graph.scalar(node.read<number>('axis'), 'int32')]
    const attributes = { ...typed(node), Tlen: typeAttribute('int32'), num_split: { i: node.outputSpecs.length } }
    return outputs(node, graph.node('SplitV', inputs, attributes))
  },
  Slice: (graph, node) => {
    const [begin, end] = [node.read<readonly number[]>('begin'), node.read<readonly number[]>('end')]
    const size = end.map((last, axis) => last - begin[axis]!)
    const inputs = [node.inputs[0]!, graph.int32s(begin), graph.int32s(size)]
    return graph.node('Slice', inputs, { ...typed(node), Index: typeAttribute('int32') })
  },
  PadV2: (graph, node) => {
    const [before, after] = [node.read<readonly number[]>('before'), node.read<readonly number[]>('after')]
    const pairs = Int32Array.from(before.flatMap((first, axis) => [first, after[axis]!]))
    const paddings = graph.constant({ shape: [before.length, 2], dtype: 'int32' }, pairs)
    const value = graph.scalar(node.read<number>('constantValue'), node.outputSpecs[0]!.dtype)
    return graph.node('PadV2', [node.inputs[0]!, paddings, value], {
      ...typed(node),
      Tpaddings: typeAttribute('int32'),
    })
  },
  Tile: (graph, node) =>
    graph.node('Tile', [node.inputs[0]!, graph.int32s(node.read<readonly number[]>('reps'))], {
      ...typed(node),
      Tmultiples: typeAttribute('int32'),
    }),
  Transpose: (graph, node) =>
    graph.node('Transpose', [node.inputs[0]!, graph.int32s(node.read<readonly number[]>('perm'))], {
      ...typed(node),
      Tperm: typeAttribute('int32'),
    }),
  OneHot: (graph, node) => {
    const { shape, dtype } = node.outputSpecs[0]!
    const depth = graph.scalar(shape.at(-1)!, 'int32')
    const values = [graph.scalar(node.read<number>('on'), dtype), graph.scalar(node.read<number>('off'), dtype)]
    const attributes = { T: typeAttribute(dtype), TI: typeAttribute('int32'), axis: { i: -1 } }
    return graph.node('OneHot', [node.inputs[0]!, depth, ...values], attributes)
  },
  Range: (graph, node) => {
    const { shape, dtype } = node.outputSpecs[0]!
    const [start, step] = [node.read<number>('start'), node.read<number>('step')]
    const values = Array.from({ length: shape[0]! }, (_, i) => start + i * step)
    return graph.constant({ shape, dtype }, dtype === 'float32' ? Float32Array.from(values) : Int32Array.from(values))
  },
  StridedSlice: (graph, node) => {
    const [begin, end, strides] = (['begin', 'end', 'strides'] as const).map((name) =>
      node.read<readonly number[]>(name),
    ) as [readonly number[], readonly number[], readonly number[]]
    // Counting down to the first entry ends at -1, which TensorFlow reads as the last.
    const open = end.reduce((mask, last, axis) => (strides[axis]! < 0 && last < 0 ? mask | (1 << axis) : mask), 0)
    const picked = graph.node('StridedSlice', [node.inputs[0]!, ...[begin, end, strides].map(graph.int32s)], {
      ...typed(node),
      Index: typeAttribute('int32'),
      end_mask: { i: open },
    })
    return reshaped(graph, node, picked, node.outputSpecs[0]!.shape)
  },
  UnsortedSegmentSum: (graph, node) => {
    const count = graph.scalar(node.outputSpecs[0]!.shape[0]!, 'int32')
    return graph.node('UnsortedSegmentSum', [...node.inputs, count], {
      ...typed(node),
      Tindices: typeAttribute('int32'),
      Tnumsegments: typeAttribute('int32'),
    })
  },
}
