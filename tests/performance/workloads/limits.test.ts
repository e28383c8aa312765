import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import { deviceLimits, measuredStep } from './limits.ts'
import { eachMatmul, matmulGflop } from './matmuls.ts'

test('limits are all multiplications together, each alone, and a pass over memory', async () => {
  const rows = 4
  const options = { device: cpu, precision: 'float32', threads: 1, seconds: 0, rows, tableRows: 0 } as const

  const { measure } = await deviceLimits(options)
  const { details } = await measure()

  const program = measuredStep(rows)
  const singles = eachMatmul(program, 'given')
  assert.deepEqual(
    details!.map(({ name }) => name),
    ['all of its multiplications', ...singles.map(({ name }) => name), 'a pass over memory'],
  )
  assert.equal(details![0]!.amount, matmulGflop(program))
  assert.ok(details!.every(({ ms, amount }) => ms > 0 && amount > 0))
})
