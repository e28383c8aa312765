import type { Draws } from './draws.ts'

/** Ids of 26 categorical fields that share one table, as `../peers/embedding.py` draws them. */
export const fields = 26
export const width = 16
/** A step takes the next of so many different batches. */
export const batches = 64

const exponent = 1.05
/** Knuth's multiplicative hash: it spreads the frequent ids over memory. */
const spread = 2_654_435_761

/** Rows of the table that belong to each field. */
export const rowsOfField = (tableRows: number): number => Math.floor(tableRows / fields)

/**
 * Rows [batches][batch * fields], from 1: Zipf in each field, as the floor of a continuous power law between 1 and
 * rows + 1, drawn by its inverse distribution function.
 */
export function drawZipfRows(draws: Draws, batch: number, tableRows: number): readonly Int32Array[] {
  const rows = rowsOfField(tableRows)
  const top = (rows + 1) ** (1 - exponent)
  const rowOf = (field: number) => {
    const rank = Math.floor((1 - draws.uniform() * (1 - top)) ** (1 / (1 - exponent))) - 1
    return 1 + field * rows + ((Math.min(rank, rows - 1) * spread) % rows)
  }
  return Array.from({ length: batches }, () => Int32Array.from({ length: batch * fields }, (_, i) => rowOf(i % fields)))
}

/** What a row of the table starts with, entry by entry: uniform in [-0.5, 0.5), the same in every language. */
export const firstWeight = (row: number, entry: number): number =>
  (Math.imul((row - 1) * width + entry, spread) >>> 0) / 2 ** 32 - 0.5
