import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compare, type Measurement, type Pair, sameWork } from './comparison.ts'
import type { Machine } from './machine.ts'
import { isSound, type PartResult, rateTable, ratioTable, resultsPage, toText } from './report.ts'

const machine: Machine = {
  processor: 'A processor',
  cores: 2,
  vectors: ['avx2'],
  memoryGb: 8,
  system: 'Linux 6',
  node: 'v20.20.2',
}

interface Given {
  readonly ratios: readonly number[]
  readonly target?: number
  readonly check?: readonly number[]
  readonly shows?: 'times' | 'share'
  readonly details?: Measurement['details']
}

function resultOf({ ratios, target, check = [4.2], shows = 'times', details }: Given): PartResult {
  const ours = { version: 'ONNX Runtime 1', check: [4.2] }
  const theirs = (ms: number): Measurement => ({ ms, steps: 1, ...(details === undefined ? {} : { details }) })
  const pairs = ratios.map((ratio): Pair => ({ ours: { ms: 1, steps: 1 }, theirs: theirs(ratio), foreignCores: 0 }))
  const label = 'Peer'
  const spec = { label, command: ['peer'] as const }
  const outcome = {
    label,
    version: 'v2',
    check,
    sameWork: sameWork(ours.check, check),
    comparison: compare(pairs),
    pairs,
  }
  const peers = [{ ...spec, ...(target === undefined ? {} : { target }) }]
  return { part: { name: 'part', title: 'A part', shows, ours: spec, peers }, ours, outcomes: [outcome] }
}

test('a row has the ratios, whether the target is reached, and the quiet rounds', () => {
  const [, row] = ratioTable(resultOf({ ratios: [0.75, 0.9, 1.25], target: 0.8 }))

  assert.deepEqual(row, ['Peer (v2)', '0.900', '0.750', '1.25', '0.8: reached', '3 of 3'])
})

test('a missed target is said', () => {
  const [, row] = ratioTable(resultOf({ ratios: [30, 35, 38], target: 40 }))

  assert.equal(row![4], '40: missed')
})

test('a share of the step is shown in percent', () => {
  const [, row] = ratioTable(resultOf({ ratios: [0.5, 0.62, 0.7], shows: 'share' }))

  assert.deepEqual(row!.slice(1, 4), ['62 %', '50 %', '70 %'])
})

test('contended numbers and other work are marked, and make the result unsound', () => {
  const contended = resultOf({ ratios: [1, 1] })
  const other = resultOf({ ratios: [1, 1, 1], check: [4.3] })

  assert.match(ratioTable(contended)[1]![4]!, /CONTENDED/)
  assert.match(ratioTable(other)[1]![4]!, /OTHER WORK/)
  assert.deepEqual([contended, other].map(isSound), [false, false])
  assert.ok(isSound(resultOf({ ratios: [1, 1, 1] })))
})

test('rates are operations over the median time', () => {
  const table = rateTable(resultOf({ ratios: [1, 1, 1], details: [{ name: '[2, 3] x [3, 4]', ms: 20, gflop: 4 }] }))

  assert.deepEqual(table[1], ['[2, 3] x [3, 4]', '4.000', '200'])
})

test('the columns of a text table line up', () => {
  const text = toText([
    ['a', 'long head'],
    ['longer', 'b'],
  ])

  assert.equal(text, '  a       long head\n  longer  b')
})

test('the page names the machine, the command, the checked numbers and who was left out', () => {
  const result = resultOf({ ratios: [2, 2, 2] })
  const absent = { ...result, outcomes: [...result.outcomes, { label: 'Absent', missing: 'not installed' }] }

  const page = resultsPage([absent], machine, 'npm run bench', '2026-01-02')

  assert.match(page, /`npm run bench`, 2026-01-02\. A processor \(avx2\), 2 cores, 8 GB/)
  assert.match(page, /\| Peer \(v2\) \| 2\.00 \| 2\.00 \| 2\.00 \|/)
  assert.match(page, /Equal on both sides: 4\.20000\./)
  assert.match(page, /Absent was left out: not installed\./)
})
