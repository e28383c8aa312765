import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createDecays, type Decay, type Decays } from '../../../models/tables/decay.ts'

interface Step {
  readonly keep: number
  readonly shrinks: readonly number[]
}

function decaysOf(steps: readonly Step[], columns: number): Decays {
  const decays = createDecays(columns)
  for (const { keep, shrinks } of steps) decays.append(keep, Float64Array.from(shrinks))
  return decays
}
function between(decays: Decays, column: number, from: number, to: number): Decay {
  const decay: Decay = { shrink: Number.NaN, pull: Number.NaN, keep: Number.NaN }
  decays.between(column, from, to, decay)
  return decay
}
/** One step after the other, on a weight of 1 with average 0 and on a weight of 0 with average 1. */
function oneByOne(steps: readonly Step[], column: number, from: number, to: number): Decay {
  let [weight, average, keepOnly] = [1, 0, 1]
  for (const { keep, shrinks } of steps.slice(from, to)) {
    weight *= shrinks[column]!
    average = (1 - keep) * weight + keep * average
    keepOnly *= keep
  }
  return { shrink: weight, pull: average, keep: keepOnly }
}
function assertClose(found: Decay, wanted: Decay, where: string): void {
  for (const name of ['shrink', 'pull', 'keep'] as const) {
    const error = Math.abs(found[name] - wanted[name])
    assert.ok(error <= 1e-9 * Math.abs(wanted[name]) + 1e-300, `${where}, ${name}: ${found[name]}, not ${wanted[name]}`)
  }
}

const share = fc.oneof(fc.constantFrom(0, 1, 0.99, 1e-12), fc.double({ min: 0, max: 1, noNaN: true }))

test('one step shrinks the weight and moves the average towards it', () => {
  const decays = decaysOf([{ keep: 0.9, shrinks: [0.5] }], 1)

  assert.deepEqual(between(decays, 0, 0, 1), { shrink: 0.5, pull: (1 - 0.9) * 0.5, keep: 0.9 })
})

test('no step changes nothing', () => {
  const decays = decaysOf([{ keep: 0.9, shrinks: [0.5] }], 1)

  for (const step of [0, 1]) assert.deepEqual(between(decays, 0, step, step), { shrink: 1, pull: 0, keep: 1 })
})

test('two steps by hand', () => {
  const steps = [
    { keep: 0.5, shrinks: [1, 0.5] },
    { keep: 0.75, shrinks: [1, 0.8] },
  ]
  const decays = decaysOf(steps, 2)

  assertClose(between(decays, 0, 0, 2), { shrink: 1, pull: 0.625, keep: 0.375 }, 'without shrinking')
  // Weight 1, 0.5, 0.4; average 0, 0.25, 0.4 + 0.75 * (0.25 - 0.4).
  assertClose(between(decays, 1, 0, 2), { shrink: 0.4, pull: 0.2875, keep: 0.375 }, 'with shrinking')
})

test('any run of steps is what its steps do one by one', () => {
  const steps = fc.array(fc.record({ keep: share, shrinks: fc.tuple(share, share, share) }), {
    minLength: 1,
    maxLength: 80,
  })
  fc.assert(
    fc.property(steps, fc.nat(), fc.nat(), fc.nat({ max: 2 }), (all, a, b, column) => {
      const [from, to] = [a % (all.length + 1), b % (all.length + 1)].sort((x, y) => x - y) as [number, number]

      assertClose(between(decaysOf(all, 3), column, from, to), oneByOne(all, column, from, to), `${from} to ${to}`)
    }),
    { numRuns: 300 },
  )
})

test('runs found while steps are still being added are the same as later', () => {
  const steps = Array.from({ length: 70 }, (_, i) => ({ keep: 0.9 + i / 1000, shrinks: [1 - i / 500] }))
  const decays = createDecays(1)
  steps.forEach(({ keep, shrinks }, i) => {
    decays.append(keep, Float64Array.from(shrinks))
    for (const from of [0, i >> 1, i]) {
      assertClose(between(decays, 0, from, i + 1), oneByOne(steps, 0, from, i + 1), `${from} to ${i + 1}`)
    }
  })
})

test('no digits are lost over thousands of steps, where weights shrink faster than averages follow', () => {
  for (const [keep, shrink] of [
    [0.99, 0.9],
    [0.999, 0.5],
    [0.9, 0.999],
    [0.99, 0.99],
  ] as const) {
    const steps = Array.from({ length: 5000 }, () => ({ keep, shrinks: [shrink] }))
    const decays = decaysOf(steps, 1)
    for (const [from, to] of [
      [0, 5000],
      [4000, 4500],
      [4095, 4100],
      [1, 4999],
      [2500, 2501],
    ] as const) {
      assertClose(between(decays, 0, from, to), oneByOne(steps, 0, from, to), `${keep} ${shrink} ${from} to ${to}`)
    }
  }
})

test('decays made of the steps of others are those', () => {
  const steps = fc.array(fc.record({ keep: share, shrinks: fc.tuple(share, share) }), { maxLength: 40 })
  fc.assert(
    fc.property(steps, fc.nat({ max: 40 }), (all, cut) => {
      const whole = decaysOf(all, 2)
      const resumed = createDecays(2, decaysOf(all.slice(0, cut), 2).steps())
      for (const { keep, shrinks } of all.slice(cut)) resumed.append(keep, Float64Array.from(shrinks))

      for (let from = 0; from <= all.length; from++) {
        assert.deepEqual(between(resumed, 1, from, all.length), between(whole, 1, from, all.length))
      }
      assert.deepEqual(resumed.steps(), whole.steps())
    }),
  )
})
