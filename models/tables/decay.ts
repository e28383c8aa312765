/**
 * What steps do to a row that they do not touch: weight' = shrink * weight, average' = pull * weight + keep * average.
 * A step has pull = (1 - keep) * shrink, and steps one after another are again of this form.
 */
export interface Decay {
  shrink: number
  pull: number
  keep: number
}

/** The decays of all steps so far, by column. What a run of steps does is found in time that grows with its logarithm. */
export interface Decays {
  /** One more step: every average keeps `keep`, and the weights of each column `shrinks`. */
  append(keep: number, shrinks: Float64Array): void
  /** Sets `decay` to what the steps after `from`, up to and with `to`, do to a column. */
  between(column: number, from: number, to: number, decay: Decay): void
  /** A copy of every step, as `createDecays` takes them again. */
  steps(): Float64Array
}

/**
 * Whole blocks of 1, 2, 4, ... steps. They are multiplied, never divided: quotients of running products lose all digits
 * once weights shrink faster than averages follow.
 */
export function createDecays(columns: number, steps: Float64Array = new Float64Array(0)): Decays {
  /** A block: keep, then shrink and pull of each column. */
  const stride = 1 + 2 * columns
  const levels: { values: Float64Array; count: number }[] = []

  /** Makes room for one more block of a level. */
  const place = (level: number): { values: Float64Array; at: number } => {
    levels[level] ??= { values: new Float64Array(stride), count: 0 }
    const blocks = levels[level]
    const at = blocks.count++ * stride
    if (at === blocks.values.length) blocks.values = doubled(blocks.values)
    return { values: blocks.values, at }
  }

  /** The last two blocks of a level as one of the next, and so on upwards. */
  const pair = (level: number) => {
    const { values, count } = levels[level]!
    if (count % 2 === 1) return
    const [first, second] = [(count - 2) * stride, (count - 1) * stride]
    const { values: longer, at } = place(level + 1)
    longer[at] = values[first]! * values[second]!
    for (let i = 1; i < stride; i += 2) {
      longer[at + i] = values[first + i]! * values[second + i]!
      longer[at + i + 1] = values[second + i + 1]! * values[first + i]! + values[second]! * values[first + i + 1]!
    }
    pair(level + 1)
  }

  const add = (step: Float64Array) => {
    const { values, at } = place(0)
    values.set(step, at)
    pair(0)
  }
  for (let at = 0; at < steps.length; at += stride) add(steps.subarray(at, at + stride))
  const latest = new Float64Array(stride)

  return {
    append(keep, shrinks) {
      latest[0] = keep
      for (let column = 0; column < columns; column++) {
        latest[1 + 2 * column] = shrinks[column]!
        latest[2 + 2 * column] = (1 - keep) * shrinks[column]!
      }
      add(latest)
    },
    steps: () => levels[0]?.values.slice(0, levels[0].count * stride) ?? new Float64Array(0),
    between(column, from, to, decay) {
      let [shrink, pull, keep] = [1, 0, 1]
      for (let step = from; step < to; ) {
        // The longest block that starts here and does not reach too far.
        let level = 0
        while ((step & ((2 << level) - 1)) === 0 && step + (2 << level) <= to) level++
        const { values } = levels[level]!
        const at = (step >> level) * stride
        const i = at + 1 + 2 * column
        pull = values[i + 1]! * shrink + values[at]! * pull
        shrink *= values[i]!
        keep *= values[at]!
        step += 1 << level
      }
      decay.shrink = shrink
      decay.pull = pull
      decay.keep = keep
    },
  }
}

function doubled(values: Float64Array): Float64Array {
  const larger = new Float64Array(values.length * 2)
  larger.set(values)
  return larger
}
