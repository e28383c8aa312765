import * as tf from '@tensorflow/tfjs-core'
import { constant, layoutParameters, type ParameterLayout, zeros } from '../../../models/engine/parameters.ts'
import { createRandom } from '../../../models/engine/random.ts'
import { silu } from '../../../models/layers/activations.ts'
import type { Draws } from './draws.ts'
import { layerNorm } from './experts-model.ts'

/**
 * A small causal transformer, as a user of the engine would write it; `../peers/transformer.py` is the same. Rows [B,
 * tokens, width]; each layer: LayerNorm, attention of several heads without biases, residual, LayerNorm, Linear width
 * -> inner, SiLU, Linear inner -> width, residual; then the mean over tokens and Linear width -> tasks without a bias.
 */
export interface TransformerSizes {
  readonly tokens: number
  readonly width: number
  readonly heads: number
  readonly layers: number
  readonly inner: number
  readonly tasks: number
}

export const transformerSizes: TransformerSizes = { tokens: 64, width: 64, heads: 4, layers: 2, inner: 256, tasks: 6 }

export function transformerLayout({ width, layers, inner, tasks }: TransformerSizes): ParameterLayout {
  const dense = (name: string, shape: readonly number[], initialize = zeros) => {
    return { name, shape, group: 'dense', initialize }
  }
  const layer = (at: number) => [
    dense(`${at}.attention.gain`, [width], constant(1)),
    dense(`${at}.attention.shift`, [width]),
    // Query, key and value side by side.
    dense(`${at}.attention.in`, [width, 3 * width]),
    dense(`${at}.attention.out`, [width, width]),
    dense(`${at}.inner.gain`, [width], constant(1)),
    dense(`${at}.inner.shift`, [width]),
    dense(`${at}.inner.in`, [width, inner]),
    dense(`${at}.inner.in.bias`, [inner]),
    dense(`${at}.inner.out`, [inner, width]),
    dense(`${at}.inner.out.bias`, [width]),
  ]
  return layoutParameters([
    ...Array.from({ length: layers }, (_, at) => layer(at)).flat(),
    dense('head', [width, tasks]),
  ])
}

/** The flat parameters in the peers' order: each layer's query, key, value, output, inner in and out; then the head. */
export function drawTransformer(draws: Draws, sizes: TransformerSizes): Float32Array {
  const layout = transformerLayout(sizes)
  const { width, layers, inner, tasks } = sizes
  const flat = layout.initialize(createRandom(0))
  const offsetOf = (name: string) => layout.parameters.find((parameter) => parameter.name === name)!.offset
  const draw = (inputs: number, outputs: number) => draws.weight(inputs, outputs, 1)
  for (let layer = 0; layer < layers; layer++) {
    const into = offsetOf(`${layer}.attention.in`)
    for (let part = 0; part < 3; part++) {
      const drawn = draw(width, width)
      for (let row = 0; row < width; row++)
        flat.set(drawn.subarray(row * width, (row + 1) * width), into + (row * 3 + part) * width)
    }
    flat.set(draw(width, width), offsetOf(`${layer}.attention.out`))
    flat.set(draw(width, inner), offsetOf(`${layer}.inner.in`))
    flat.set(draw(inner, width), offsetOf(`${layer}.inner.out`))
  }
  flat.set(draw(width, tasks), offsetOf('head'))
  return flat
}

type Weights = Readonly<Record<string, tf.Tensor>>

/** [B, tokens, width] -> logits [B, tasks]. */
export function transformerLogits(sizes: TransformerSizes, weights: Weights, rows: tf.Tensor3D): tf.Tensor2D {
  const { tokens, width, layers } = sizes
  const [batch] = rows.shape
  // All tokens of all rows as one matrix: plain matrix multiplications throughout.
  let x: tf.Tensor = tf.reshape(rows, [batch * tokens, width])
  for (let layer = 0; layer < layers; layer++) {
    const of = (name: string) => weights[`${layer}.${name}`]!
    const seen = layerNorm(x, of('attention.gain'), of('attention.shift'))
    x = tf.add(x, tf.matMul(attention(sizes, batch, tf.matMul(seen, of('attention.in'))), of('attention.out')))
    const normed = layerNorm(x, of('inner.gain'), of('inner.shift'))
    const inner = silu(tf.add(tf.matMul(normed, of('inner.in')), of('inner.in.bias')))
    x = tf.add(x, tf.add(tf.matMul(inner, of('inner.out')), of('inner.out.bias')))
  }
  return tf.matMul(tf.mean(tf.reshape(x, [batch, tokens, width]), 1) as tf.Tensor2D, weights.head as tf.Tensor2D)
}

/** Queries, keys and values side by side [B * tokens, 3 * width] -> what each token takes from those before it. */
function attention({ tokens, width, heads }: TransformerSizes, batch: number, projected: tf.Tensor): tf.Tensor2D {
  const depth = width / heads
  const [queries, keys, values] = tf
    .split(projected, 3, 1)
    .map((part) => tf.transpose(tf.reshape(part, [batch, tokens, heads, depth]), [0, 2, 1, 3])) as [
    tf.Tensor,
    tf.Tensor,
    tf.Tensor,
  ] // [B, heads, tokens, depth]
  const scores = tf.matMul(tf.mul(queries, depth ** -0.5), keys, false, true)
  const shares = tf.softmax(tf.add(scores, causalMask(tokens)))
  const mixed = tf.transpose(tf.matMul(shares, values), [0, 2, 1, 3])
  return tf.reshape(mixed, [batch * tokens, width])
}

/** [tokens, tokens]: 0 where a token may look, and so low elsewhere that softmax gives nothing. */
const causalMask = (tokens: number): tf.Tensor2D =>
  tf.tensor2d(
    Array.from({ length: tokens * tokens }, (_, i) => (i % tokens > Math.floor(i / tokens) ? -1e9 : 0)),
    [tokens, tokens],
  )
