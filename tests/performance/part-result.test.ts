import assert from 'node:assert/strict'
import { test } from 'node:test'
import { resultOf } from './made-up-results.ts'
import { isSound, judgeAims, versusOf } from './part-result.ts'

test('polyrank on each device is compared with each rival', () => {
  const result = resultOf({
    rivals: [
      { label: 'A', ratios: [2, 2, 2] },
      { label: 'B', ratios: [3, 3, 3] },
    ],
  })

  const found = versusOf(result).map(({ own, rival, comparison }) => [
    own.spec.device,
    rival.spec.label,
    comparison.ratio.median,
  ])

  assert.deepEqual(found, [
    ['cpu', 'A', 2],
    ['cpu', 'B', 3],
    ['tensorflow', 'A', 2],
    ['tensorflow', 'B', 3],
  ])
})

test('a rival of one device is compared there alone', () => {
  const result = resultOf({ rivals: [{ only: 'tensorflow', ratios: [2, 2, 2] }] })

  assert.deepEqual(
    versusOf(result).map(({ own }) => own.spec.device),
    ['tensorflow'],
  )
})

test('an aim is held against the fastest variant of its rival', () => {
  const variants = [
    { label: 'X, plain', rival: 'X', ratios: [1.2, 1.2, 1.2] },
    { label: 'X, stacked', rival: 'X', ratios: [0.9, 0.9, 0.9] },
    { label: 'Y', rival: 'Y', ratios: [0.1, 0.1, 0.1] },
  ]
  const result = resultOf({
    rivals: variants,
    aims: [
      { device: 'cpu', rival: 'X', ratio: 1 },
      { device: 'tensorflow', rival: 'X', ratio: 0.9 },
    ],
  })

  const found = judgeAims(result).map(({ fastest, isReached }) => [fastest?.rival.spec.label, isReached])

  assert.deepEqual(found, [
    ['X, stacked', false],
    ['X, stacked', true],
  ])
})

test('an aim on one device takes no notice of what is compared on another', () => {
  const result = resultOf({
    rivals: [
      { label: 'X, cpu', rival: 'X', only: 'cpu', ratios: [0.5, 0.5, 0.5] },
      { label: 'X, tensorflow', rival: 'X', only: 'tensorflow', ratios: [2, 2, 2] },
    ],
    aims: [
      { device: 'cpu', rival: 'X', ratio: 1 },
      { device: 'tensorflow', rival: 'X', ratio: 1 },
    ],
  })

  assert.deepEqual(
    judgeAims(result).map(({ isReached }) => isReached),
    [false, true],
  )
})

test('an aim whose rival did not run is neither reached nor judged', () => {
  const result = resultOf({
    rivals: [{ rival: 'X', ratios: [2, 2, 2], missing: 'not here' }],
    aims: [{ device: 'cpu', rival: 'X', ratio: 1 }],
  })

  const [verdict] = judgeAims(result)

  assert.deepEqual([verdict!.fastest, verdict!.isReached], [undefined, false])
})

test('contended numbers and other work make a result unsound', () => {
  assert.ok(isSound(resultOf({ rivals: [{ ratios: [1, 1, 1] }] })))
  assert.ok(!isSound(resultOf({ rivals: [{ ratios: [1, 1] }] })))
  assert.ok(!isSound(resultOf({ rivals: [{ ratios: [1, 1, 1], check: [4.3] }] })))
})

test('numbers may differ as far as the part says, or where the rival is to do other work', () => {
  const near = { ratios: [1, 1, 1], check: [4.21] }

  assert.ok(!isSound(resultOf({ rivals: [near] })))
  assert.ok(isSound(resultOf({ rivals: [near], tolerance: 0.01 })))
  assert.ok(isSound(resultOf({ rivals: [{ ratios: [1, 1, 1], check: [], otherWork: 'another table' }] })))
})
