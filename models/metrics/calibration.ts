import { byScore, type Scored } from './scored.ts'

const clip = 1e-7

/** Mean natural-log loss of probabilities, clipped to [1e-7, 1 - 1e-7]. */
export function logLoss({ labels, scores }: Scored): number {
  let sum = 0
  for (let i = 0; i < labels.length; i++) {
    const probability = Math.min(Math.max(scores[i]!, clip), 1 - clip)
    sum -= labels[i] === 1 ? Math.log(probability) : Math.log(1 - probability)
  }
  return sum / labels.length
}

/**
 * Log loss over that of the constant `baseRate` on the same rows (He et al., ADKDD 2014); below 1 beats knowing only the
 * rate.
 */
export function normalizedEntropy(scored: Scored, baseRate: number): number {
  return (
    logLoss(scored) / logLoss({ labels: scored.labels, scores: new Float64Array(scored.labels.length).fill(baseRate) })
  )
}

/**
 * Expected calibration error over 15 bins of equal mass; equal predictions share a bin: bin(i) is
 * floor(15 * #{j: p_j < p_i} / n).
 */
export function calibrationError({ labels, scores }: Scored, bins = 15): number {
  const count = labels.length
  const order = byScore(scores)
  const gaps = new Float64Array(bins)
  let below = 0
  for (let place = 0; place < count; place++) {
    const row = order[place]!
    if (place > 0 && scores[row] !== scores[order[place - 1]!]) below = place
    gaps[Math.floor((bins * below) / count)]! += scores[row]! - labels[row]!
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / count
}

/** Sum of predictions over sum of labels; 1 is perfect. */
export function calibrationRatio({ labels, scores }: Scored): number {
  let [predicted, happened] = [0, 0]
  for (let i = 0; i < labels.length; i++) {
    predicted += scores[i]!
    happened += labels[i]!
  }
  return predicted / happened
}
