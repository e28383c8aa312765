import * as tf from '@tensorflow/tfjs-core'
import type { Statistics } from '../spec/statistics.ts'

/** Numbers as a network sees them; row-major over `places`. */
export interface NumberColumns {
  /** [places, numbers]: z-scores clipped to within 5, 0 where missing. */
  readonly standardised: tf.Tensor2D
  /** [places, numbers * bins]: piecewise linear codes less their means, 0 where missing. */
  readonly codes: tf.Tensor2D
  /** [places, numbers]: 1 where missing. */
  readonly missing: tf.Tensor2D
}

const bins = 16
const clipAt = 5

/** Bins that can differ from zero, of all numbers. */
export const realCodes = (names: readonly string[], { numbers }: Statistics): number =>
  names.reduce((sum, name) => sum + (numbers[name]?.codeMeans.length ?? 0), 0)

export const codeWidth = (names: readonly string[]): number => names.length * bins

/**
 * Piecewise linear codes (Gorishniy et al., arXiv:2203.05556): per bin [a, b] of the training rows' quantiles
 * clip((x - a) / (b - a), 0, 1), here less its mean over the training rows. Statistics become constants of the graph.
 */
export function numberColumns(
  names: readonly string[],
  values: tf.Tensor2D,
  present: tf.Tensor2D,
  statistics: Statistics,
): NumberColumns {
  const known = names.map((name) => statistics.numbers[name] ?? { mean: 0, deviation: 1, edges: [], codeMeans: [] })
  const [places, count] = values.shape
  const row = (pick: (index: number) => number) =>
    tf.tensor2d(
      known.map((_, i) => pick(i)),
      [1, count],
    )
  const perBin = (pick: (edges: readonly number[], means: readonly number[], bin: number) => number) =>
    tf.tensor3d(
      known.flatMap(({ edges, codeMeans }) =>
        Array.from({ length: bins }, (_, bin) => (bin < codeMeans.length ? pick(edges, codeMeans, bin) : 0)),
      ),
      [1, count, bins],
    )
  const scores = tf.div(
    tf.sub(
      values,
      row((i) => known[i]!.mean),
    ),
    row((i) => known[i]!.deviation),
  )
  const offset = tf.sub(
    tf.expandDims(values, -1),
    perBin((edges, _, bin) => edges[bin]!),
  )
  // A bin that a number does not have has inverse width 0, and so code 0.
  const share = tf.clipByValue(
    tf.mul(
      offset,
      perBin((edges, _, bin) => 1 / (edges[bin + 1]! - edges[bin]!)),
    ),
    0,
    1,
  )
  const codes = tf.mul(
    tf.sub(
      share,
      perBin((_, means, bin) => means[bin]!),
    ),
    tf.expandDims(present, -1),
  )
  return {
    standardised: tf.mul(tf.clipByValue(scores, -clipAt, clipAt), present) as tf.Tensor2D,
    codes: tf.reshape(codes, [places, count * bins]),
    missing: tf.sub(1, present) as tf.Tensor2D,
  }
}
