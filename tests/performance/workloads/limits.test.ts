import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import { deviceLimits, measuredStep } from './limits.ts'
import { distinct, matmulsOf } from './matmuls.ts'

test('limits are all multiplications together, each alone, and a pass over 16 M kept numbers', async () => {
  const rows = 4
  const options = { device: cpu, precision: 'float32', threads: 1, seconds: 0, rows, tableRows: 0 } as const

  const { measure } = await deviceLimits(options)
  const { details } = await measure()

  const all = matmulsOf(measuredStep(rows))
  assert.deepEqual(
    details!.map(({ name }) => name),
    ['all of its multiplications', ...distinct(all).map(({ name }) => name), 'a pass over 16 M kept numbers'],
  )
  assert.equal(
    details![0]!.amount,
    all.reduce((sum, { gflop }) => sum + gflop, 0),
  )
  assert.ok(details!.every(({ ms, amount }) => ms > 0 && amount > 0))
})
