import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRandom } from '../../../models/engine/random.ts'
import { plattScaling, uncalibrated } from '../../../models/objectives/calibration.ts'

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))

/** Logits of the given spread, and labels drawn with probability sigmoid(scale * logit + shift). */
function drawn(rows: number, scale: number, shift: number, spread: number, seed = 1) {
  const { normal, uniform } = createRandom(seed)
  const logits = Float64Array.from({ length: rows }, () => spread * normal())
  const labels = logits.map((logit) => Number(uniform() < sigmoid(scale * logit + shift)))
  return { logits, labels }
}
/** What is minimised: summed cross-entropy, and ten rows' worth of pull towards the identity. */
function lossOf(logits: ArrayLike<number>, labels: ArrayLike<number>, scale: number, shift: number): number {
  let loss = 5 * ((scale - 1) ** 2 + shift ** 2)
  for (let i = 0; i < logits.length; i++) {
    const z = (labels[i] === 1 ? -1 : 1) * (scale * logits[i]! + shift)
    loss += z > 30 ? z : Math.log1p(Math.exp(z))
  }
  return loss
}

test('a known miscalibration is recovered', () => {
  for (const [scale, shift, spread] of [
    [1, 0, 1],
    [2, -1, 1],
    [0.5, 1, 2],
    [3, 0.5, 0.5],
  ] as const) {
    const { logits, labels } = drawn(50_000, scale, shift, spread)
    const found = plattScaling(logits, labels)

    assert.ok(Math.abs(found.scale / scale - 1) < 0.05, `scale ${found.scale}, not ${scale}`)
    assert.ok(Math.abs(found.shift - shift) < 0.06, `shift ${found.shift}, not ${shift}`)
  }
})

test('logits that are many times too sure of themselves are brought back', () => {
  for (const [scale, shift, spread] of [
    [0.2, 0, 10],
    [0.1, -0.5, 30],
    [0.02, 0.5, 100],
  ] as const) {
    const { logits, labels } = drawn(20_000, scale, shift, spread)
    const found = plattScaling(logits, labels)

    assert.ok(Math.abs(found.scale / scale - 1) < 0.06, `scale ${found.scale}, not ${scale}`)
    assert.ok(Math.abs(found.shift - shift) < 0.1, `shift ${found.shift}, not ${shift}`)
  }
})

test('scores have the mean of the labels they were calibrated on', () => {
  const { logits, labels } = drawn(20_000, 0.7, -2, 1.5)
  const { scale, shift } = plattScaling(logits, labels)
  const mean = (values: Float64Array) => values.reduce((sum, each) => sum + each, 0) / values.length

  assert.ok(Math.abs(mean(logits.map((z) => sigmoid(scale * z + shift))) - mean(labels)) < 0.002)
})

test('no rows are the identity, a few hardly move it', () => {
  assert.deepEqual(plattScaling([], []), { scale: 1, shift: 0 })

  const few = plattScaling([0.5, -0.5, 1], [1, 0, 0])
  assert.ok(Math.abs(few.scale - 1) < 0.1 && Math.abs(few.shift) < 0.1, `${few.scale} ${few.shift}`)
})

test('many rows of one class move the scores towards it, and stay finite', () => {
  const logits = new Array<number>(1000).fill(0)
  const { scale, shift } = plattScaling(logits, logits)

  assert.equal(scale, 1)
  assert.ok(shift < -2 && shift > -10, `${shift}`)
})

test('logits against their labels are left as they are', () => {
  const { logits, labels } = drawn(1000, -1, 0, 1)

  assert.deepEqual(plattScaling(logits, labels), uncalibrated)
})

test('logits that are no numbers are left as they are', () => {
  for (const broken of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    assert.deepEqual(plattScaling([0.5, broken, -2], [1, 0, 1]), uncalibrated)
  }
})

const rows = fc.array(fc.tuple(fc.double({ min: -60, max: 60, noNaN: true }), fc.integer({ min: 0, max: 1 })), {
  maxLength: 60,
})

test('the order of two scores is never turned round', () => {
  fc.assert(
    fc.property(rows, fc.double({ min: 0.01, max: 100, noNaN: true }), (all, stretch) => {
      const { scale, shift } = plattScaling(
        all.map(([logit]) => logit * stretch),
        all.map(([, label]) => label),
      )

      assert.equal(scale > 0, true, `scale ${scale}`)
      assert.equal(Number.isFinite(scale) && Number.isFinite(shift), true)
    }),
    { numRuns: 300 },
  )
})

test('what is found is the best there is, unless that would turn the order round', () => {
  fc.assert(
    fc.property(rows, (all) => {
      const [logits, labels] = [all.map(([logit]) => logit), all.map(([, label]) => label)]
      const { scale, shift } = plattScaling(logits, labels)
      const found = lossOf(logits, labels, scale, shift)
      // The loss is convex: where no near neighbour is better, nothing is.
      const steps = [-1e-3, 0, 1e-3]
      const better = steps.flatMap((a) =>
        steps.filter((b) => lossOf(logits, labels, scale + a, shift + b) < found - 1e-7).map((b) => [a, b]),
      )

      if (scale === 1 && shift === 0 && better.length > 0) {
        // Left alone although there is better: then the way to the best leads through a scale of 0.
        const flat = Array.from({ length: 801 }, (_, i) => lossOf(logits, labels, 0, (i - 400) / 40))
        assert.equal(Math.min(...flat) < found, true, 'the best scale is above 0')
      } else assert.deepEqual(better, [], `${scale}, ${shift}`)
    }),
    { numRuns: 200 },
  )
})
