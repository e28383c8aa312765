/** What turns a task's logit into a calibrated score: sigmoid(scale * logit + shift), or scale * value + shift. */
export interface Calibration {
  readonly scale: number
  readonly shift: number
}

export const uncalibrated: Calibration = { scale: 1, shift: 0 }
const steps = 50
const smallestShare = 2 ** -30
/** Weight of the identity, in rows: a slice with few positives moves little. */
const prior = 10

/**
 * Platt scaling (1999) of logits by Newton's method with halved steps, held near the identity by a ridge, so that a
 * small slice does not undo what many rows taught.
 */
export function plattScaling(logits: ArrayLike<number>, labels: ArrayLike<number>): Calibration {
  let best = { ...uncalibrated, loss: lossOf(uncalibrated, logits, labels) }
  for (let step = 0; step < steps; step++) {
    const change = newtonChange(best, logits, labels)
    // Far from the best a whole step overshoots, ever wider: where logits are large, p hardly bends.
    let next = best
    for (let share = 1; share > smallestShare; share /= 2) {
      const tried = { scale: best.scale + share * change.scale, shift: best.shift + share * change.shift }
      const loss = lossOf(tried, logits, labels)
      if (!(loss < best.loss)) continue
      next = { ...tried, loss }
      break
    }
    if (next === best) break
    best = next
  }
  // A scale at or below 0 would turn the order round; the slice then says nothing of use.
  return best.scale > 0 ? { scale: best.scale, shift: best.shift } : uncalibrated
}

/** Summed cross-entropy, and the prior's pull. */
function lossOf({ scale, shift }: Calibration, logits: ArrayLike<number>, labels: ArrayLike<number>): number {
  let loss = (prior / 2) * ((scale - 1) ** 2 + shift ** 2)
  for (let i = 0; i < logits.length; i++) {
    const z = scale * logits[i]! + shift
    loss += Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z))) - labels[i]! * z
  }
  return loss
}

function newtonChange(
  { scale, shift }: Calibration,
  logits: ArrayLike<number>,
  labels: ArrayLike<number>,
): Calibration {
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
  return {
    scale: (ab * gradientShift - bb * gradientScale) / determinant,
    shift: (ab * gradientScale - aa * gradientShift) / determinant,
  }
}
