import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import { createDraws } from './draws.ts'
import { embeddingTraining } from './embedding.ts'
import { batches, drawZipfRows, fields, firstWeight, rowsOfField } from './embedding-rows.ts'

const tableRows = 2_600
const drawn = drawZipfRows(createDraws(), 32, tableRows)

test('every id is a row of its own field, and none is nobody’s row', () => {
  const own = rowsOfField(tableRows)

  assert.equal(drawn.length, batches)
  for (const batch of drawn) {
    assert.equal(batch.length, 32 * fields)
    batch.forEach((row, i) => void assert.equal(Math.floor((row - 1) / own), i % fields))
  }
})

test('the most frequent ids are those of the power law: rank r is drawn as often as its share says', () => {
  const own = rowsOfField(tableRows)
  const counts = new Map<number, number>()
  for (const batch of drawn)
    for (const row of batch) counts.set((row - 1) % own, (counts.get((row - 1) % own) ?? 0) + 1)
  const total = batches * 32 * fields
  // Between x and x + 1 the law holds (x^-0.05 - (x + 1)^-0.05) of 1 - (rows + 1)^-0.05.
  const shareOf = (rank: number) => ((rank + 1) ** -0.05 - (rank + 2) ** -0.05) / (1 - (own + 1) ** -0.05)

  for (const rank of [0, 1, 2, 10]) {
    const found = (counts.get((rank * 2_654_435_761) % own) ?? 0) / total
    assert.ok(Math.abs(found / shareOf(rank) - 1) < 0.06, `rank ${rank}: ${found}, not ${shareOf(rank)}`)
  }
})

test('first weights are the hash by hand, and lie between -0.5 and 0.5', () => {
  // Row 1 has the places 0 to 15, row 2 those from 16.
  assert.equal(firstWeight(1, 0), -0.5)
  assert.equal(firstWeight(1, 1), 2_654_435_761 / 2 ** 32 - 0.5)
  assert.equal(firstWeight(2, 0), ((2_654_435_761 * 16) % 2 ** 32) / 2 ** 32 - 0.5)
})

test('the whole step starts from first weights and learns', async () => {
  const options = { device: cpu, precision: 'float32', threads: 1, seconds: 0, rows: 32, tableRows } as const

  const { check, measure } = await embeddingTraining(options)
  const { steps } = await measure()

  // The loss that the PyTorch side prints for these sizes, and how many distinct ids its first batch has.
  assert.ok(Math.abs(check[0]! - 0.70031) < 5e-5, `${check[0]}`)
  assert.equal(check[1], 551)
  assert.equal(steps, 3)
})
