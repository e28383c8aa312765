import type { Table, TableSettings } from '../../../models/tables/table.ts'

/**
 * A table by the words of its interface: at each step every row that was ever trained shrinks, moves by its gradient, and
 * takes its average along. In double precision, and as slow as it sounds.
 */
export function createDenseTable(settings: TableSettings): Pick<Table, 'width' | 'gather' | 'update' | 'averaged'> {
  const { rows: size, width, columns, rate, ridge, averaging, momentOver, initialize } = settings
  const weights: number[][] = Array.from({ length: size }, () => new Array<number>(width).fill(0))
  const averages = structuredClone(weights)
  const trained = new Set<number>()
  const moments = columns.map(() => 0)
  let step = 0

  return {
    width,
    gather(rows, target) {
      rows.forEach((row, i) => void target.set(weights[row]!, i * width))
    },
    update(rows, gradient) {
      step++
      const sums = new Map<number, number[]>()
      rows.forEach((row, i) => {
        if (row === 0) return
        const sum = sums.get(row) ?? new Array<number>(width).fill(0)
        sums.set(
          row,
          sum.map((value, j) => value + gradient[i * width + j]!),
        )
        if (trained.has(row)) return
        const first = new Float32Array(width)
        initialize(row, first)
        trained.add(row)
        weights[row] = [...first]
        averages[row] = [...first]
      })
      const kept = Math.min(averaging, step / (step + 10))
      columns.forEach(({ offset, rows: count }, column) => {
        const own = (row: number) => row >= offset && row < offset + count
        const squares = [...sums].filter(([row]) => own(row)).map(([, sum]) => sum.reduce((all, g) => all + g * g, 0))
        const touched = squares.filter((square) => square > 0).length
        const among = Math.max(momentOver === 'touched' ? touched : [...trained].filter(own).length, 1)
        const mean = squares.reduce((all, square) => all + square, 0) / among / width
        moments[column] = 0.99 * moments[column]! + 0.01 * mean
        if (moments[column] === 0) return
        const pace = rate / Math.sqrt(moments[column]! / (1 - 0.99 ** step))
        for (const row of [...trained].filter(own)) {
          const sum = sums.get(row) ?? new Array<number>(width).fill(0)
          weights[row] = weights[row]!.map((w, j) => w * Math.max(1 - pace * ridge, 0) - pace * sum[j]!)
        }
      })
      for (const row of trained) {
        averages[row] = averages[row]!.map((average, j) => weights[row]![j]! + kept * (average - weights[row]![j]!))
      }
    },
    averaged: () => Float32Array.from(averages.flat()),
  }
}
