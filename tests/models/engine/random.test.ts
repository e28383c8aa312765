import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createRandom, fillDropoutMask, type Random, shuffle } from '../../../models/engine/random.ts'

const draw = (count: number, next: () => number): number[] => Array.from({ length: count }, () => next())
const words = (seed: number, count: number) => {
  const { uniform } = createRandom(seed)
  return draw(count, () => uniform() * 2 ** 32)
}
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const moment = (values: readonly number[], power: number) => mean(values.map((value) => value ** power))

/** sfc32 and splitmix32 once more, in whole numbers without bounds. */
function* bigSfc32(seed: number): Generator<number> {
  const mask = (1n << 32n) - 1n
  let state = BigInt(seed)
  const split = () => {
    state = (state + 0x9e3779b9n) & mask
    let z = state
    z = ((z ^ (z >> 16n)) * 0x21f0aaadn) & mask
    z = ((z ^ (z >> 15n)) * 0x735a2d97n) & mask
    return z ^ (z >> 15n)
  }
  let [a, b, c, counter] = [split(), split(), split(), 1n]
  for (let i = 0; ; i++) {
    const output = (a + b + counter) & mask
    counter++
    a = b ^ (b >> 9n)
    b = (c + (c << 3n)) & mask
    c = (((c << 21n) | (c >> 11n)) + output) & mask
    if (i >= 12) yield Number(output)
  }
}

test('the numbers of a seed never change', () => {
  assert.deepEqual(words(0, 3), [2899526011, 769844623, 220372281])
  assert.deepEqual(words(1, 3), [2420951833, 2513034076, 3847892949])
  assert.deepEqual(words(2 ** 32 - 1, 3), [2300869303, 3917632794, 3726809994])
  const fork = createRandom(1).fork('weights')
  assert.deepEqual(
    draw(3, () => fork.uniform() * 2 ** 32),
    [972696132, 1293006517, 2687153192],
  )
  assert.deepEqual(draw(2, createRandom(1).normal), [-1.1081023031459833, 2.0076913032958057])
})

test('the generator is sfc32 seeded by splitmix32', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (seed) => {
      const reference = bigSfc32(seed)

      assert.deepEqual(
        words(seed, 40),
        draw(40, () => reference.next().value),
      )
    }),
  )
})

test('filled bits are the draws of uniform, and go on from them', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.nat({ max: 9 }), { maxLength: 5 }), (seed, lengths) => {
      const [filled, drawn] = [createRandom(seed), createRandom(seed)]
      for (const length of lengths) {
        const bits = new Int32Array(length)
        filled.fillBits(bits)

        assert.deepEqual(
          [...bits],
          draw(length, () => (drawn.uniform() * 2 ** 32) | 0),
        )
        assert.equal(filled.normal(), drawn.normal())
      }
    }),
  )
})

test('uniform numbers fill [0, 1) evenly', () => {
  const values = draw(100_000, createRandom(5).uniform)

  assert.ok(values.every((value) => value >= 0 && value < 1))
  assert.ok(Math.abs(mean(values) - 1 / 2) < 0.005)
  assert.ok(Math.abs(moment(values, 2) - 1 / 3) < 0.005)
  const counts = new Array<number>(20).fill(0)
  for (const value of values) counts[Math.floor(value * 20)]!++
  for (const count of counts) assert.ok(Math.abs(count - 5000) < 5 * Math.sqrt(5000), `${counts}`)
})

test('normal numbers have the moments and the tails of the standard normal distribution', () => {
  const values = draw(200_000, createRandom(6).normal)

  assert.ok(Math.abs(mean(values)) < 0.012)
  assert.ok(Math.abs(moment(values, 2) - 1) < 0.016)
  assert.ok(Math.abs(moment(values, 3)) < 0.045)
  assert.ok(Math.abs(moment(values, 4) - 3) < 0.12)
  for (const [bound, share] of [
    [1.959964, 0.05],
    [3.290527, 0.001],
  ] as const) {
    const beyond = mean(values.map((value) => Number(Math.abs(value) > bound)))
    assert.ok(Math.abs(beyond - share) < 5 * Math.sqrt(share / 200_000), `${beyond} beyond ${bound}`)
  }
  assert.ok(values.every(Number.isFinite))
})

test('a fork does not depend on how many numbers were drawn before it', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: 50 }), fc.string(), (seed, drawn, label) => {
      const [fresh, used] = [createRandom(seed), createRandom(seed)]
      draw(drawn, used.uniform)
      used.normal()

      assert.deepEqual(draw(5, used.fork(label).uniform), draw(5, fresh.fork(label).uniform))
    }),
  )
})

test('drawing from a fork leaves its parent as it was', () => {
  const [alone, parent] = [createRandom(9), createRandom(9)]
  draw(10, parent.fork('a').uniform)

  assert.deepEqual(draw(5, parent.uniform), draw(5, alone.uniform))
})

test('forks differ from each other, from their parent, and from forks of forks', () => {
  const forks: Record<string, Random> = {}
  for (const seed of [0, 1, 2, 3]) {
    const parent = createRandom(seed)
    forks[`${seed}`] = parent
    for (const label of ['', 'a', 'b', 'c', 'ab', 'ba', 'row 1', 'row 2'])
      forks[`${seed} ${label}`] = parent.fork(label)
    forks[`${seed} a, then b`] = parent.fork('a').fork('b')
    forks[`${seed} nothing, then a`] = parent.fork('').fork('a')
  }
  const firsts = Object.entries(forks).map(([name, { uniform }]) => [draw(4, uniform).join(), name] as const)

  const known = new Map<string, string>()
  for (const [numbers, name] of firsts) {
    assert.equal(known.get(numbers), undefined, `${name} and ${known.get(numbers)} draw the same numbers`)
    known.set(numbers, name)
  }
})

test('forks by neighbouring labels are not correlated', () => {
  const parent = createRandom(1)
  const firsts = Array.from({ length: 20_000 }, (_, row) => parent.fork(`row ${row}`).normal())
  const products = firsts.slice(1).map((value, i) => value * firsts[i]!)

  assert.ok(Math.abs(mean(firsts)) < 0.036)
  assert.ok(Math.abs(moment(firsts, 2) - 1) < 0.05)
  assert.ok(Math.abs(mean(products)) < 0.036)
})

test('a dropout mask drops its rate and scales up what it keeps', () => {
  for (const rate of [0.1, 0.3, 0.7]) {
    const mask = new Float32Array(50_000)
    fillDropoutMask(mask, rate, createRandom(2))

    const dropped = mask.filter((value) => value === 0).length / mask.length
    assert.ok(Math.abs(dropped - rate) < 5 * Math.sqrt((rate * (1 - rate)) / mask.length), `${dropped} for ${rate}`)
    assert.deepEqual(new Set(mask), new Set([0, Math.fround(1 / (1 - rate))]))
  }
})

test('a dropout of rate 0 keeps everything as it is', () => {
  const mask = new Float32Array(100)
  fillDropoutMask(mask, 0, createRandom(2))

  assert.ok(mask.every((value) => value === 1))
})

test('a shuffle keeps every value and is the same for the same seed', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 30 }), fc.nat(), (values, seed) => {
      const [once, again] = [Int32Array.from(values), Int32Array.from(values)]
      shuffle(once, createRandom(seed))
      shuffle(again, createRandom(seed))

      assert.deepEqual(once, again)
      assert.deepEqual(once.toSorted(), Int32Array.from(values).toSorted())
    }),
  )
})

test('every order of a shuffle is equally likely', () => {
  const random = createRandom(4)
  const counts = new Map<string, number>()
  for (let i = 0; i < 24_000; i++) {
    const values = Int32Array.of(1, 2, 3, 4)
    shuffle(values, random)
    counts.set(values.join(), (counts.get(values.join()) ?? 0) + 1)
  }

  assert.equal(counts.size, 24)
  for (const [order, count] of counts) assert.ok(Math.abs(count - 1000) < 5 * Math.sqrt(1000), `${order}: ${count}`)
})

test('a generator whose state was copied into another of the same seed goes on as that one does', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat({ max: 50 }), (seed, drawn) => {
      const one = createRandom(seed)
      draw(drawn, one.normal)
      const kept = one.state.slice()
      const expected = [...draw(5, one.normal), ...draw(3, one.uniform), one.fork('x').uniform()]

      const other = createRandom(seed)
      other.state.set(kept)

      assert.deepEqual([...draw(5, other.normal), ...draw(3, other.uniform), other.fork('x').uniform()], expected)
    }),
  )
})
