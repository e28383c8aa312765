import type * as tf from '@tensorflow/tfjs-core'
import type { Network, SideTensors } from '../../../models/architectures/network.ts'
import type { Random } from '../../../models/engine/random.ts'
import type { SideLayout } from '../../../models/spec/batch.ts'
import { defineRanker, type RankerConfig } from '../../../models/spec/define-ranker.ts'
import type { FeatureSpec } from '../../../models/spec/features.ts'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import type { Statistics } from '../../../models/spec/statistics.ts'
import type { TaskSpec } from '../../../models/spec/tasks.ts'
import { runStep } from '../engine/run-step.ts'
import { float } from './small-architectures.ts'

const dayMs = 86_400_000

/** Every kind of feature, on every side that it can be on. */
const features: readonly FeatureSpec[] = [
  { kind: 'categorical', name: 'userId', scope: 'user', rows: { buckets: 40 }, isId: true },
  { kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 60 }, isId: true },
  { kind: 'categorical', name: 'genre', scope: 'item', rows: { vocabulary: ['drama', 'comedy'] } },
  { kind: 'categories', name: 'tags', scope: 'item', rows: { buckets: 16 }, maxValues: 3 },
  { kind: 'text', name: 'query', scope: 'context', rows: { buckets: 20 }, maxTokens: 4 },
  { kind: 'numeric', name: 'price', scope: 'item', scale: 'log' },
  { kind: 'numeric', name: 'age', scope: 'user', scale: 'standard' },
  { kind: 'numeric', name: 'length', scope: 'item', scale: 'buckets' },
  { kind: 'counters', name: 'userCounters', of: 'user', feedback: ['click'] },
  { kind: 'counters', name: 'itemCounters', of: 'item', feedback: ['click'] },
  { kind: 'history', name: 'seen', length: 3, items: ['itemId', 'genre'] },
]
const task = (name: string, rule: 'happened' | 'value'): TaskSpec => ({
  name,
  label: { rule, kind: name },
  windowMs: dayMs,
})

export const wholeRanker = (config: Partial<RankerConfig> = {}): RankerDefinition =>
  defineRanker({
    name: 'home',
    features,
    tasks: [task('click', 'happened'), task('play', 'value'), task('like', 'happened')],
    trunk: { dimension: 4 },
    architecture: { kind: 'mmoe', experts: 2, hidden: 6, tower: 4 },
    ...config,
  })

const numberStatistics = { mean: 0.25, deviation: 0.5, edges: [-1, 0, 0.5, 2], codeMeans: [0.75, 0.5, 0.25] }
const numbers = [
  'price',
  'age',
  ...['user', 'item'].flatMap((of) =>
    ['impressions', 'click.count', 'click.rate', 'gap'].map((part) => `${of}Counters.${part}`),
  ),
]
export const wholeStatistics: Statistics = {
  rates: { click: 0.2 },
  numbers: Object.fromEntries(numbers.map((name) => [name, numberStatistics])),
}

/** The arrays of one side, by the names of its tensors. */
export type PlainSide = Readonly<Record<keyof SideTensors, Float32Array>>
export interface Widths {
  /** Of the deep vectors. */
  readonly dimension: number
  readonly tasks: number
}

/** Random looked-up rows, weights and numbers of every place; some numbers missing. */
export function randomSide(side: SideLayout, places: number, { dimension, tasks }: Widths, random: Random): PlainSide {
  const draw = (length: number) => Float32Array.from({ length }, random.normal)
  const present = Float32Array.from({ length: places * side.numbers.length }, () => Number(random.uniform() < 0.8))
  return {
    deep: draw(places * side.slots * dimension),
    wide: draw(places * side.slots * tasks),
    weights: Float32Array.from({ length: places * side.slots }, () => random.uniform()),
    numbers: draw(present.length).map((value, i) => value * present[i]!),
    present,
  }
}

/** Places `from`, in their order, of a side. */
export function pick(side: PlainSide, places: number, from: readonly number[]): PlainSide {
  const rows = (array: Float32Array) => {
    const width = array.length / places
    return Float32Array.from(from.flatMap((place) => [...array.subarray(place * width, (place + 1) * width)]))
  }
  const { deep, wide, weights, numbers: values, present } = side
  return { deep: rows(deep), wide: rows(wide), weights: rows(weights), numbers: rows(values), present: rows(present) }
}

/** Logits [candidates, tasks] of flat weights over `requests` and `candidates` places. */
export async function networkLogits(
  network: Network,
  { dimension, tasks }: Widths,
  flat: Float32Array,
  request: PlainSide,
  candidate: PlainSide,
  [requests, candidates]: readonly [number, number],
): Promise<Float32Array> {
  const specs = ({ slots, numbers: names }: SideLayout, places: number) => ({
    deep: float(places, slots, dimension),
    wide: float(places, slots, tasks),
    weights: float(places, slots),
    numbers: float(places, names.length),
    present: float(places, names.length),
  })
  const named = <T>(side: string, parts: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(parts).map(([part, value]) => [`${side}.${part}`, value]))
  const { logits } = await runStep(
    {
      inputs: {
        flat: float(network.parameters.size),
        ...named('request', specs(network.layout.request, requests)),
        ...named('candidate', specs(network.layout.candidate, candidates)),
      },
      run: (inputs) => {
        const side = (name: string): SideTensors => ({
          deep: inputs[`${name}.deep`] as tf.Tensor3D,
          wide: inputs[`${name}.wide`] as tf.Tensor3D,
          weights: inputs[`${name}.weights`] as tf.Tensor2D,
          numbers: inputs[`${name}.numbers`] as tf.Tensor2D,
          present: inputs[`${name}.present`] as tf.Tensor2D,
        })
        const weights = network.parameters.slices(inputs.flat as tf.Tensor1D)
        return { outputs: { logits: network.logits(weights, side('request'), side('candidate'), null) } }
      },
    },
    { flat, ...named('request', request), ...named('candidate', candidate) },
  )
  return logits as Float32Array
}
