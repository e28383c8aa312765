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

const momentDecay = 0.99
const smallest = 1e-12
/** After so many steps all rows are caught up, and decays begin anew: they would grow for ever. */
const catchUpEvery = 4096

export function createTable(settings: TableSettings, state?: TableState): Table {
  const { rows: size, width, columns, rate, ridge, averaging, momentOver, initialize } = settings
  const weights = new Float32Array(size * width)
  const averages = new Float32Array(size * width)
  const lastStep = new Int32Array(size).fill(-1)
  const columnOf = new Uint16Array(size)
  columns.forEach(({ offset, rows }, column) => {
    columnOf.fill(column, offset, offset + rows)
  })
  const moments = new Float64Array(columns.length)
  const trained = new Float64Array(columns.length)
  // Without a ridge all columns decay alike.
  const decayColumns = ridge === 0 ? 1 : columns.length
  let decays = createDecays(decayColumns, state?.decays)
  const decay: Decay = { shrink: 1, pull: 0, keep: 1 }
  const placeOf = new Int32Array(size).fill(-1)
  let touched = new Int32Array(0)
  let sums = new Float64Array(0)
  let step = state?.step ?? 0
  /** The step that decays are counted from. */
  let decaysFrom = step - (step % catchUpEvery)

  if (state !== undefined) {
    moments.set(state.moments)
    state.rows.forEach((row, i) => {
      for (let j = 0; j < width; j++) {
        weights[row * width + j] = state.weights[i * width + j]!
        averages[row * width + j] = state.averages[i * width + j]!
      }
      lastStep[row] = state.lastSteps[i]!
      trained[columnOf[row]!]! += 1
    })
  }

  const catchUp = (row: number, to: number) => {
    const from = lastStep[row]!
    if (from === to) return
    decays.between(ridge === 0 ? 0 : columnOf[row]!, from - decaysFrom, to - decaysFrom, decay)
    const { shrink, pull, keep } = decay
    for (let i = row * width; i < (row + 1) * width; i++) {
      averages[i] = pull * weights[i]! + keep * averages[i]!
      weights[i] = shrink * weights[i]!
    }
    lastStep[row] = to
  }
  const catchUpAll = () => {
    for (let row = 1; row < size; row++) if (lastStep[row] !== -1) catchUp(row, step)
  }

  const begin = (row: number) => {
    initialize(row, weights.subarray(row * width, (row + 1) * width))
    averages.set(weights.subarray(row * width, (row + 1) * width), row * width)
    trained[columnOf[row]!]! += 1
    lastStep[row] = step - 1
  }

  /** Sums gradients per row; returns how many rows there are. */
  const collect = (rows: Int32Array, gradient: Float32Array): number => {
    if (touched.length < rows.length) {
      touched = new Int32Array(rows.length)
      sums = new Float64Array(rows.length * width)
    }
    let count = 0
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!
      if (row === 0) continue
      let place = placeOf[row]!
      if (place === -1) {
        place = count++
        placeOf[row] = place
        touched[place] = row
        sums.fill(0, place * width, (place + 1) * width)
      }
      for (let j = 0; j < width; j++) sums[place * width + j]! += gradient[i * width + j]!
    }
    return count
  }

  const updateMoments = (count: number) => {
    const squares = new Float64Array(columns.length)
    const shared = new Float64Array(columns.length)
    for (let place = 0; place < count; place++) {
      const column = columnOf[touched[place]!]!
      let square = 0
      for (let i = place * width; i < (place + 1) * width; i++) square += sums[i]! * sums[i]!
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
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!
        if (lastStep[row] !== -1) catchUp(row, step)
        for (let j = 0; j < width; j++) target[i * width + j] = weights[row * width + j]!
      }
    },
    update(rows, gradient) {
      step++
      const count = collect(rows, gradient)
      for (let place = 0; place < count; place++) {
        const row = touched[place]!
        placeOf[row] = -1
        if (lastStep[row] === -1) begin(row)
        else catchUp(row, step - 1)
      }
      updateMoments(count)
      const unbias = 1 - momentDecay ** step
      const kept = Math.min(averaging, step / (step + 10))
      const rates = Float64Array.from(moments, (moment) => rate / (Math.sqrt(moment / unbias) + smallest))
      const shrinks = rates.map((each, column) => (moments[column]! > 0 ? Math.max(1 - each * ridge, 0) : 1))
      decays.append(kept, shrinks)
      for (let place = 0; place < count; place++) {
        const row = touched[place]!
        const column = columnOf[row]!
        for (let j = 0; j < width; j++) {
          const i = row * width + j
          weights[i] = weights[i]! * shrinks[column]! - rates[column]! * sums[place * width + j]!
          averages[i] = weights[i]! + kept * (averages[i]! - weights[i]!)
        }
        lastStep[row] = step
      }
      if (step % catchUpEvery !== 0) return
      catchUpAll()
      decays = createDecays(decayColumns)
      decaysFrom = step
    },
    averaged() {
      catchUpAll()
      return averages.slice()
    },
    brokenFeature: () => columns.find((_, column) => !Number.isFinite(moments[column]))?.feature ?? null,
    readState() {
      const rows = new Int32Array(trained.reduce((sum, count) => sum + count, 0))
      let count = 0
      for (let row = 1; row < size; row++) if (lastStep[row] !== -1) rows[count++] = row
      const copy = (values: Float32Array) => {
        const copied = new Float32Array(count * width)
        for (let i = 0; i < count; i++) {
          const from = rows[i]! * width
          for (let j = 0; j < width; j++) copied[i * width + j] = values[from + j]!
        }
        return copied
      }
      return {
        step,
        rows,
        lastSteps: rows.map((row) => lastStep[row]!),
        weights: copy(weights),
        averages: copy(averages),
        moments: moments.slice(),
        decays: decays.steps(),
      }
    },
  }
}
