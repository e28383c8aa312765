import * as tf from '@tensorflow/tfjs-core'
import { layoutParameters, type ParameterLayout, type ParameterSpec, zeros } from '../engine/parameters.ts'
import { codeWidth, numberColumns, realCodes } from '../layers/numbers.ts'
import type { BatchLayout, SideLayout } from '../spec/batch.ts'
import { layoutOf } from '../spec/layout.ts'
import type { RankerDefinition } from '../spec/ranker.ts'
import type { Statistics } from '../spec/statistics.ts'
import type { DropoutMasks, Weights } from './architecture.ts'
import { createArchitecture } from './registry.ts'

/** One side of a batch as tensors; table rows already looked up. `places` is R, or R * N. */
export interface SideTensors {
  /** [places, slots, dimension] */
  readonly deep: tf.Tensor3D
  /** [places, slots, tasks] */
  readonly wide: tf.Tensor3D
  /** [places, slots] */
  readonly weights: tf.Tensor2D
  /** [places, numbers] */
  readonly numbers: tf.Tensor2D
  /** [places, numbers] */
  readonly present: tf.Tensor2D
}

/**
 * A whole ranker as a pure function. The trunk that all architectures share: embeddings and numbers go to the
 * architecture; beside it a wide linear part adds one weight a row and a piecewise linear code to each task's logit.
 */
export interface Network {
  readonly layout: BatchLayout
  readonly parameters: ParameterLayout
  readonly dropoutWidths: Readonly<Record<string, number>>
  /** Logits [R * N, tasks]. A candidate's logits do not depend on the others. */
  logits(weights: Weights, request: SideTensors, candidate: SideTensors, masks: DropoutMasks): tf.Tensor2D
}

/** Group of the parameters that the wide rate and ridge apply to. */
export const wideGroup = 'wide'
/** The tasks' biases, [tasks]; start at the training rates' log-odds. */
export const biasName = 'task.bias'

/** What the architecture reads of a candidate and its request. */
export function inputWidth(definition: RankerDefinition): number {
  const { request, candidate } = layoutOf(definition)
  const widthOf = ({ groups, numbers }: SideLayout) =>
    groups.length * definition.trunk.dimension + numbers.length * 2 + codeWidth(numbers)
  return widthOf(request) + widthOf(candidate)
}

export function createNetwork(definition: RankerDefinition, statistics: Statistics): Network {
  const layout = layoutOf(definition)
  const { dimension } = definition.trunk
  const tasks = definition.tasks.length
  const sides = [layout.request, layout.candidate]
  const sum = (pick: (side: SideLayout) => number) => sides.reduce((total, side) => total + pick(side), 0)
  const codes = sum(({ numbers }) => codeWidth(numbers))
  const architecture = createArchitecture(definition.architecture, {
    inputs: inputWidth(definition),
    // Missing indicators hardly ever differ from zero, and bins that a number does not have never do.
    fanIn: sum((side) => side.groups.length * dimension + side.numbers.length + realCodes(side.numbers, statistics)),
    tasks,
  })
  const own: readonly ParameterSpec[] = [
    { name: biasName, shape: [tasks], group: 'dense', initialize: zeros },
    ...(codes > 0 ? [{ name: 'wide.codes', shape: [codes, tasks], group: wideGroup, initialize: zeros }] : []),
  ]
  return {
    layout,
    parameters: layoutParameters([...architecture.parameters, ...own]),
    dropoutWidths: architecture.dropoutWidths,
    logits(weights, request, candidate, masks) {
      const seen = [request, candidate].map((tensors, i) => lookAt(sides[i]!, tensors, statistics))
      const copies = candidate.weights.shape[0] / request.weights.shape[0]
      const [shared, each] = [repeatRows(seen[0]!.rows, copies), seen[1]!.rows]
      const deep = architecture.logits(weights, tf.concat2d([shared, each], 1), masks)
      const [sharedWide, eachWide] = seen.map(({ wide }) => wide)
      const [sharedCodes, eachCodes] = [repeatRows(seen[0]!.codes, copies), seen[1]!.codes]
      const rows = tf.add(repeatRows(sharedWide!, copies), eachWide!)
      const linear =
        codes > 0
          ? tf.add(rows, tf.matMul(tf.concat2d([sharedCodes, eachCodes], 1), weights['wide.codes'] as tf.Tensor2D))
          : rows
      return tf.add(tf.add(deep, linear), weights[biasName]!) as tf.Tensor2D
    },
  }
}

/** One side's share of the trunk's rows [places, width], its codes, and its rows' part of the wide logits [places, tasks]. */
function lookAt(side: SideLayout, tensors: SideTensors, statistics: Statistics) {
  const { standardised, codes, missing } = numberColumns(side.numbers, tensors.numbers, tensors.present, statistics)
  const factor = tf.expandDims(tensors.weights, -1)
  return {
    rows: tf.concat2d([pooled(side, tf.mul(tensors.deep, factor) as tf.Tensor3D), standardised, codes, missing], 1),
    codes,
    wide: tf.sum(tf.mul(tensors.wide, factor), 1) as tf.Tensor2D,
  }
}

/** Weighted slots [places, slots, dimension] -> each group's sum side by side [places, groups * dimension]. */
function pooled({ groups }: SideLayout, slots: tf.Tensor3D): tf.Tensor2D {
  const [places, , dimension] = slots.shape
  if (groups.every(({ count }) => count === 1)) return tf.reshape(slots, [places, groups.length * dimension])
  const sums = groups.map(
    ({ offset, count }) => tf.sum(tf.slice(slots, [0, offset, 0], [places, count, dimension]), 1) as tf.Tensor2D,
  )
  return tf.concat2d(sums, 1)
}

/** Each row `copies` times in a row: [places, width] -> [places * copies, width]. */
function repeatRows(rows: tf.Tensor2D, copies: number): tf.Tensor2D {
  if (copies === 1) return rows
  const [places, width] = rows.shape
  return tf.reshape(tf.tile(tf.expandDims(rows, 1), [1, copies, 1]), [places * copies, width])
}
