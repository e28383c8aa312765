import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foreignTicks, type ProcessTime, withForeignCores } from './foreign-load.ts'

const times = (...rows: readonly (readonly [pid: number, parent: number, ticks: number])[]) =>
  new Map<number, ProcessTime>(rows.map(([pid, parent, ticks]) => [pid, { parent, ticks }]))

test('only time of processes that are not ours counts as foreign', () => {
  const before = times([1, 0, 100], [10, 1, 50], [11, 10, 0], [20, 1, 7])
  const after = times([1, 0, 101], [10, 1, 80], [11, 10, 400], [12, 11, 30], [20, 1, 17])

  // 1 of the first process and 10 of process 20; 11 and 12 were started by 10.
  assert.equal(foreignTicks(before, after, 10), 11)
})

test('a process that started meanwhile counts from its start, one that ended not at all', () => {
  const before = times([1, 0, 5], [30, 1, 9])
  const after = times([1, 0, 5], [31, 1, 4], [10, 1, 1])

  assert.equal(foreignTicks(before, after, 10), 4)
})

test('the work is done once, and its result handed on', async () => {
  let calls = 0

  const { result, foreignCores } = await withForeignCores(async () => ++calls)

  assert.deepEqual([result, calls], [1, 1])
  assert.ok(foreignCores === null || foreignCores >= 0)
})
