/** What turns a task's logit into a calibrated score: sigmoid(scale * logit + shift), or scale * value + shift. */
export interface Calibration {
  readonly scale: number
  readonly shift: number
}

export const uncalibrated: Calibration = { scale: 1, shift: 0 }
const steps = 20
/** Weight of the identity, in rows: a slice with few positives moves little. */
const prior = 10

/**
 * Platt scaling (1999) of logits by Newton's method, held near the identity by a ridge, so that a small slice does not
 * undo what many rows taught.
 */
export function plattScaling(logits: ArrayLike<number>, labels: ArrayLike<number>): Calibration {
  let [scale, shift] = [1, 0]
  for (let step = 0; step < steps; step++) {
    let [gradientScale, gradientShift] = [prior * (scale - 1), prior * shift]
    let [aa, ab, bb] = [prior, 0, prior]
    for (let i = 0; i < logits.length; i++) {
      const z = logits[i]!
      const p = 1 / (1 + Math.exp(-(scale * z + shift)))
      const [error, curvature] = [p - labels[i]!, p * (1 - p)]
      gradientScale += error * z
      gradientShift += error
      aa += curvature * z * z
      ab += curvature * z
      bb += curvature
    }
    const determinant = aa * bb - ab * ab
    scale -= (bb * gradientScale - ab * gradientShift) / determinant
    shift -= (aa * gradientShift - ab * gradientScale) / determinant
  }
  // A scale at or below 0 would turn the order round; the slice then says nothing of use.
  return scale > 0 && Number.isFinite(scale) && Number.isFinite(shift) ? { scale, shift } : uncalibrated
}
