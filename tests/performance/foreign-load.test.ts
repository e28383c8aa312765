import assert from 'node:assert/strict'
import { test } from 'node:test'
import { foreignTicks, type Look, withForeignCores } from './foreign-load.ts'

const lookOf = (busy: number, ...rows: readonly (readonly [pid: number, parent: number, ticks: number])[]): Look => ({
  busy,
  processes: new Map(rows.map(([pid, parent, ticks]) => [pid, { parent, ticks }])),
})

test('what we and the processes we started did not spend, others did', () => {
  const before = lookOf(1000, [1, 0, 100], [10, 1, 50], [11, 10, 0], [20, 1, 7])
  const after = lookOf(1475, [1, 0, 101], [10, 1, 80], [11, 10, 400], [12, 11, 30], [20, 1, 17])

  // 475 in all, of which 30 by process 10 itself, and 430 by 11 and 12, which it started.
  assert.equal(foreignTicks(before, after, 10), 15)
})

test('a foreign process that began and ended in between is seen', () => {
  const before = lookOf(100, [10, 1, 40])
  const after = lookOf(190, [10, 1, 45])

  assert.equal(foreignTicks(before, after, 10), 85)
})

test('time of a process of ours that ended is no foreign time: its parent has it now', () => {
  const before = lookOf(100, [10, 1, 40], [11, 10, 30])
  const after = lookOf(120, [10, 1, 85])

  // 11 spent 5 more and was waited for by 10, which spent 10 itself; 20 passed in all.
  assert.equal(foreignTicks(before, after, 10), 5)
})

test('ticks that are counted a little late never make less than none', () => {
  assert.equal(foreignTicks(lookOf(100, [10, 1, 0]), lookOf(149, [10, 1, 50]), 10), 0)
})

test('the work is done once, and its result handed on', async () => {
  let calls = 0

  const { result, foreignCores } = await withForeignCores(async () => ++calls)

  assert.deepEqual([result, calls], [1, 1])
  assert.ok(foreignCores === null || foreignCores >= 0)
})
