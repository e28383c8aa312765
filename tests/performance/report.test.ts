import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resultOf } from './made-up-results.ts'
import { aimTable, checkLine, missingLines, otherWorkLines, rateTable, ratioTable, toText } from './report.ts'

test('a row has the device, the rival, the ratios and the quiet rounds', () => {
  const [, row, last] = ratioTable(resultOf({ rivals: [{ label: 'Peer', ratios: [0.75, 0.9, 1.25] }] }))

  assert.deepEqual(row, ['cpu', 'Peer (v2)', '0.900', '0.750', '1.25', '3 of 3'])
  assert.deepEqual(last!.slice(0, 2), ['tensorflow', 'Peer (v2)'])
})

test('a share of the step is shown in percent', () => {
  const [head, row] = ratioTable(resultOf({ rivals: [{ ratios: [0.5, 0.62, 0.7] }], shows: 'share' }))

  assert.equal(head![2], 'of the step')
  assert.deepEqual(row!.slice(2, 5), ['62 %', '50 %', '70 %'])
})

test('contended numbers and other work are marked', () => {
  const marked = (given: Parameters<typeof resultOf>[0]) => ratioTable(resultOf(given))[1]!.at(-1)

  assert.equal(marked({ rivals: [{ ratios: [1, 1] }] }), '2 of 2, CONTENDED')
  assert.equal(marked({ rivals: [{ ratios: [1, 1, 1], check: [4.3] }] }), '3 of 3, OTHER WORK')
})

test('an aim has a row of its own: what is aimed at, what was found, and whether it is reached', () => {
  const result = resultOf({
    rivals: [
      { label: 'X, plain', rival: 'X', ratios: [35, 35, 35] },
      { label: 'Y', rival: 'Y', ratios: [1, 1, 1], missing: 'not here' },
    ],
    aims: [
      { device: 'cpu', rival: 'X', ratio: 40 },
      { device: 'tensorflow', rival: 'X', ratio: 1.3 },
      { device: 'cpu', rival: 'Y', ratio: 1 },
    ],
  })

  assert.deepEqual(aimTable(result).slice(1), [
    ['cpu', 'X, plain', '40.0', '35.0', 'missed'],
    ['tensorflow', 'X, plain', '1.30', '35.0', 'reached'],
    ['cpu', 'Y', '1.00', '', 'not measured'],
  ])
})

test('no aim is called reached by contended numbers', () => {
  const result = resultOf({
    rivals: [{ label: 'X', ratios: [2, 2] }],
    aims: [{ device: 'cpu', rival: 'X', ratio: 1 }],
  })

  assert.deepEqual(aimTable(result)[1], ['cpu', 'X', '1.00', '2.00', 'CONTENDED'])
})

test('rates are amounts over the median time, a column for each program that has them', () => {
  const product = { name: '[2, 3] x [3, 4]', ms: 20, amount: 4, unit: 'GFLOP' } as const
  const pass = { name: 'a pass', ms: 10, amount: 0.134, unit: 'GB' } as const
  const table = rateTable(
    resultOf({
      rivals: [
        { label: 'A', ratios: [1, 1, 1], details: [product, pass] },
        { label: 'B', ratios: [1, 1, 1] },
        { label: 'C', ratios: [1, 1, 1], details: [{ ...product, ms: 40 }] },
      ],
    }),
  )

  assert.deepEqual(table, [
    ['what', 'how much', 'A, a second', 'C, a second'],
    ['[2, 3] x [3, 4]', '4.000 GFLOP', '200', '100'],
    ['a pass', '0.134 GB', '13', ''],
  ])
})

test('who was left out is said with the reason', () => {
  const lines = missingLines(resultOf({ rivals: [{ label: 'Peer', ratios: [1, 1, 1], missing: 'Not installed.' }] }))

  assert.deepEqual(lines, ['Peer was left out: Not installed.'])
})

test('the numbers that show the same work stand there, and how near they are where not to four digits', () => {
  const rivals = [{ ratios: [1, 1, 1] }]

  assert.equal(checkLine(resultOf({ rivals })), 'Equal on both sides: 4.20000.')
  assert.equal(checkLine(resultOf({ rivals, tolerance: 0.01 })), 'Equal on both sides to 1 %: 4.20000.')
})

test('a rival that is to do other work says so, and no numbers are called equal', () => {
  const result = resultOf({ rivals: [{ label: 'Small', ratios: [1, 1, 1], otherWork: 'a smaller table' }] })

  assert.equal(checkLine(result), null)
  assert.deepEqual(otherWorkLines(result), ['Small: a smaller table.'])
})

test('the columns of a text table line up', () => {
  const text = toText([
    ['a', 'long head'],
    ['longer', 'b'],
  ])

  assert.equal(text, '  a       long head\n  longer  b')
})
