import type { TableColumn } from '../spec/batch.ts'
import { createDecays, type Decay } from './decay.ts'

export interface TableSettings {
  /** Rows, row 0 included. */
  readonly rows: number
  readonly width: number
  readonly columns: readonly TableColumn[]
  readonly rate: number
  /** Every weight shrinks as if its loss had (ridge / 2) * weight^2. */
  readonly ridge: number
  /** Most of the average that is kept at a step. */
  readonly averaging: number
  /** What a column's summed squares are shared among: the rows a step touched, or all that were ever trained. */
  readonly momentOver: 'touched' | 'trained'
  /** Writes a row's first weights; called when it is first trained. */
  initialize(row: number, weights: Float32Array): void
}

/**
 * One table of vectors, trained outside the graph, since a step touches few rows. What a step costs grows with the rows
 * it touches, not with the table: shrinking and averaging of untouched rows is caught up, exactly, when a row is next
 * touched or read out. Row 0 is nobody's, and an untouched row reads as zero.
 *
 * The second moment is one number a column, the mean squared gradient of its rows, so that a rare row moves by about one
 * rate a gradient (row-wise moments; Adam's own would move it by tens).
 */
export interface Table {
  readonly width: number
  /** Copies each row's weights into `target` [rows.length, width]. */
  gather(rows: Int32Array, target: Float32Array): void
  /** One step: `gradient` [rows.length, width], summed per row; row 0 is skipped. */
  update(rows: Int32Array, gradient: Float32Array): void
  /** A copy of the averaged weights [rows, width]; untouched rows are zero. */
  averaged(): Float32Array
  /** A feature that was given a gradient which is not finite; null where there is none. */
  brokenFeature(): string | null
  /** A copy of all that its next steps depend on, for `createTable`. */
  readState(): TableState
}

/** The trained rows of a table, and what it knows of its columns. */
export interface TableState {
  readonly step: number
  readonly rows: Int32Array
  /** By trained row, as all of the next: the step up to which it is caught up. */
  readonly lastSteps: Int32Array
  readonly weights: Float32Array
  readonly averages: Float32Array
  /** By column. */
  readonly moments: Float64Array
  /** Of the steps since all rows were last caught up. */
  readonly decays: Float64Array
}

/** Of a row: the step up to which it is caught up, or -1 before it is first trained; its place in a batch, or -1; its column. */
const [lastStepAt, placeAt, columnAt, knownWidth] = [0, 1, 2, 4] as const
const momentDecay = 0.99
const smallest = 1e-12
/** After so many steps all rows are caught up, and decays begin anew: they would grow for ever. */
const catchUpEvery = 4096

export function createTable(settings: TableSettings, state?: TableState): Table {
  const { rows: size, width, columns, rate, ridge, averaging, momentOver, initialize } = settings
  // What belongs to a row lies together, since memory is what a step waits for: its weights and then their averages; and
  // what is known of it.
  const stride = 2 * width
  const values = new Float32Array(size * stride)
  const known = new Int32Array(size * knownWidth)
  columns.forEach(({ offset, rows }, column) => {
    for (let row = offset; row < offset + rows; row++) known[row * knownWidth + columnAt] = column
  })
  for (let row = 0; row < size; row++) {
    known[row * knownWidth + lastStepAt] = -1
    known[row * knownWidth + placeAt] = -1
  }
  const moments = new Float64Array(columns.length)
  const trained = new Float64Array(columns.length)
  // Without a ridge all columns decay alike.
  const decayColumns = ridge === 0 ? 1 : columns.length
  let decays = createDecays(decayColumns, state?.decays)
  const decay: Decay = { shrink: 1, pull: 0, keep: 1 }
  let touched = new Int32Array(0)
  let sums = new Float64Array(0)
  let step = state?.step ?? 0
  /** The step that decays are counted from. */
  let decaysFrom = step - (step % catchUpEvery)

  const columnOf = (row: number) => known[row * knownWidth + columnAt]!
  const isTrained = (row: number) => known[row * knownWidth + lastStepAt] !== -1

  if (state !== undefined) {
    moments.set(state.moments)
    state.rows.forEach((row, i) => {
      for (let j = 0; j < width; j++) {
        values[row * stride + j] = state.weights[i * width + j]!
        values[row * stride + width + j] = state.averages[i * width + j]!
      }
      known[row * knownWidth + lastStepAt] = state.lastSteps[i]!
      trained[columnOf(row)]! += 1
    })
  }

  const catchUp = (row: number, to: number) => {
    const from = known[row * knownWidth + lastStepAt]!
    if (from === to) return
    decays.between(ridge === 0 ? 0 : columnOf(row), from - decaysFrom, to - decaysFrom, decay)
    const { shrink, pull, keep } = decay
    decayRow(values, row * stride, width, shrink, pull, keep)
    known[row * knownWidth + lastStepAt] = to
  }
  const catchUpAll = () => {
    for (let row = 1; row < size; row++) if (isTrained(row)) catchUp(row, step)
  }

  const begin = (row: number) => {
    const at = row * stride
    initialize(row, values.subarray(at, at + width))
    values.copyWithin(at + width, at, at + width)
    trained[columnOf(row)]! += 1
    known[row * knownWidth + lastStepAt] = step - 1
  }

  /** Sums gradients per row; returns how many rows there are. */
  const collect = (rows: Int32Array, gradient: Float32Array): number => {
    if (touched.length < rows.length) {
      touched = new Int32Array(rows.length)
      sums = new Float64Array(rows.length * width)
    }
    return sumByRow(rows, gradient, width, known, touched, sums)
  }

  const updateMoments = (count: number) => {
    const squares = new Float64Array(columns.length)
    const shared = new Float64Array(columns.length)
    for (let place = 0; place < count; place++) {
      const column = columnOf(touched[place]!)
      const square = squareOf(sums, place * width, width)
      squares[column]! += square
      if (square > 0) shared[column]! += 1
    }
    for (let column = 0; column < columns.length; column++) {
      const among = Math.max(momentOver === 'trained' ? trained[column]! : shared[column]!, 1)
      moments[column] = momentDecay * moments[column]! + (1 - momentDecay) * (squares[column]! / among / width)
    }
  }

  return {
    width,
    gather(rows, target) {
      // Without a ridge only averages have changed since a row was touched, and they are not read here.
      if (ridge !== 0) for (const row of rows) if (isTrained(row)) catchUp(row, step)
      copyRows(values, rows, width, target)
    },
    update(rows, gradient) {
      step++
      const count = collect(rows, gradient)
      for (let place = 0; place < count; place++) {
        const row = touched[place]!
        known[row * knownWidth + placeAt] = -1
        if (!isTrained(row)) begin(row)
      }
      updateMoments(count)
      const unbias = 1 - momentDecay ** step
      const kept = Math.min(averaging, step / (step + 10))
      const rates = Float64Array.from(moments, (moment) => rate / (Math.sqrt(moment / unbias) + smallest))
      const shrinks = rates.map((each, column) => (moments[column]! > 0 ? Math.max(1 - each * ridge, 0) : 1))
      decays.append(kept, shrinks)
      for (let place = 0; place < count; place++) {
        const row = touched[place]!
        const column = columnOf(row)
        catchUp(row, step - 1)
        move(values, row * stride, width, sums, place * width, shrinks[column]!, rates[column]!, kept)
        known[row * knownWidth + lastStepAt] = step
      }
      if (step % catchUpEvery !== 0) return
      catchUpAll()
      decays = createDecays(decayColumns)
      decaysFrom = step
    },
    averaged() {
      catchUpAll()
      const averages = new Float32Array(size * width)
      for (let row = 1; row < size; row++) {
        if (!isTrained(row)) continue
        const at = row * stride + width
        averages.set(values.subarray(at, at + width), row * width)
      }
      return averages
    },
    brokenFeature: () => columns.find((_, column) => !Number.isFinite(moments[column]))?.feature ?? null,
    readState() {
      const rows = new Int32Array(trained.reduce((sum, count) => sum + count, 0))
      let count = 0
      for (let row = 1; row < size; row++) if (isTrained(row)) rows[count++] = row
      /** Of every trained row, from `offset` of what is stored of it. */
      const copy = (offset: number) => {
        const copied = new Float32Array(count * width)
        for (let i = 0; i < count; i++) {
          const at = rows[i]! * stride + offset
          copied.set(values.subarray(at, at + width), i * width)
        }
        return copied
      }
      return {
        step,
        rows,
        lastSteps: rows.map((row) => known[row * knownWidth + lastStepAt]!),
        weights: copy(0),
        averages: copy(width),
        moments: moments.slice(),
        decays: decays.steps(),
      }
    },
  }
}

// Inner loops stand apart and over their arguments: read from a closure, an array is looked up and checked at every entry.

/** The weights of each row of `values` (weights and averages side by side) into `target` [rows.length, width]. */
function copyRows(values: Float32Array, rows: Int32Array, width: number, target: Float32Array): void {
  let to = 0
  for (let i = 0; i < rows.length; i++) {
    const from = rows[i]! * 2 * width
    for (let j = 0; j < width; j++) target[to++] = values[from + j]!
  }
}

/** Sums gradients [rows.length, width] by row, rows in the order in which they first come up; returns how many there are. */
function sumByRow(
  rows: Int32Array,
  gradient: Float32Array,
  width: number,
  known: Int32Array,
  touched: Int32Array,
  sums: Float64Array,
): number {
  let count = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    if (row === 0) continue
    const from = i * width
    let place = known[row * knownWidth + placeAt]!
    if (place === -1) {
      place = count++
      known[row * knownWidth + placeAt] = place
      touched[place] = row
      const to = place * width
      for (let j = 0; j < width; j++) sums[to + j] = gradient[from + j]!
    } else {
      const to = place * width
      for (let j = 0; j < width; j++) sums[to + j]! += gradient[from + j]!
    }
  }
  return count
}

function squareOf(values: Float64Array, from: number, width: number): number {
  let square = 0
  for (let i = from; i < from + width; i++) square += values[i]! * values[i]!
  return square
}

function decayRow(values: Float32Array, at: number, width: number, shrink: number, pull: number, keep: number): void {
  for (let i = at; i < at + width; i++) {
    values[i + width] = pull * values[i]! + keep * values[i + width]!
    values[i] = shrink * values[i]!
  }
}

/** One row's weights against their gradients, and their averages after them. */
function move(
  values: Float32Array,
  at: number,
  width: number,
  sums: Float64Array,
  from: number,
  shrink: number,
  rate: number,
  kept: number,
): void {
  for (let j = 0; j < width; j++) {
    const i = at + j
    const weight = Math.fround(values[i]! * shrink - rate * sums[from + j]!)
    values[i] = weight
    values[i + width] = weight + kept * (values[i + width]! - weight)
  }
}
