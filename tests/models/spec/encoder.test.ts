import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Batch } from '../../../models/spec/batch.ts'
import { type BatchShape, createEncoder, emptyBatch } from '../../../models/spec/encoder.ts'
import type { RankingInput } from '../../../models/spec/slate.ts'
import { anyInput, fullRanker, inputOf, itemOf, now, placeOf, statistics } from './rankers.ts'

const encoder = createEncoder(fullRanker, statistics)
const { layout } = encoder
const encode = (inputs: readonly RankingInput[], shape: BatchShape): Batch =>
  encoder.encode(inputs, emptyBatch(layout, shape))
const requestOf = ({ request, requests }: Batch, i: number) => placeOf(request, requests, i)
const candidateOf = ({ candidate, requests, candidates }: Batch, request: number, i: number) =>
  placeOf(candidate, requests * candidates, request * candidates + i)
const inputs = (maxLength: number) => fc.array(anyInput({ minLength: 0, maxLength: 4 }), { maxLength })

test('an empty batch is all padding, of the sizes that its layout and shape say', () => {
  const { request, candidate, mask, requests, candidates } = emptyBatch(layout, { requests: 2, candidates: 3 })

  assert.deepEqual({ requests, candidates, masked: mask.length }, { requests: 2, candidates: 3, masked: 6 })
  for (const [side, { slots, numbers }, places] of [
    [request, layout.request, 2],
    [candidate, layout.candidate, 6],
  ] as const) {
    assert.deepEqual([side.rows.length, side.weights.length], [places * slots, places * slots])
    assert.deepEqual([side.numbers.length, side.present.length], [places * numbers.length, places * numbers.length])
    for (const array of Object.values(side)) assert.deepEqual(new Set(array), new Set([0]))
  }
})

test('what lies beyond the inputs and their candidates is padding', () => {
  const batch = encode([inputOf({ candidates: [itemOf('i1')] }), inputOf({ candidates: [] })], {
    requests: 3,
    candidates: 2,
  })
  const padding = emptyBatch(layout, { requests: 3, candidates: 2 })

  assert.deepEqual([...batch.mask], [1, 0, 0, 0, 0, 0])
  assert.deepEqual(requestOf(batch, 2), requestOf(padding, 2))
  for (const [request, i] of [
    [0, 1],
    [1, 0],
    [1, 1],
    [2, 0],
    [2, 1],
  ] as const) {
    assert.deepEqual(candidateOf(batch, request, i), candidateOf(padding, request, i))
  }
  // A request without candidates is a request all the same: something of it is known to be missing.
  assert.notDeepEqual(requestOf(batch, 1), requestOf(padding, 1))
})

test('each feature writes its own place and no other', () => {
  const full = inputOf({
    user: { age: 30 },
    context: { device: 'tv', query: 'red shoes' },
    history: [{ itemId: 'i9', occurredAtMs: now - 1, kind: 'click', features: { genre: 'drama' } }],
    candidates: [itemOf('i1', { genre: 'comedy', tags: ['a', 'b'], price: 2, length: 12 })],
  })
  const shape = { requests: 1, candidates: 1 }
  const before = encode([full], shape)
  const changed: readonly (readonly [feature: string, input: RankingInput])[] = [
    ['userId', { ...full, userId: 'u2' }],
    ['device', { ...full, context: { ...full.context, device: 'phone' } }],
    ['query', { ...full, context: { ...full.context, query: 'blue shoes' } }],
    ['age', { ...full, user: { age: 31 } }],
    ['genre', { ...full, candidates: [itemOf('i1', { ...full.candidates[0]!.features, genre: 'drama' })] }],
    ['tags', { ...full, candidates: [itemOf('i1', { ...full.candidates[0]!.features, tags: ['a', 'c'] })] }],
    ['price', { ...full, candidates: [itemOf('i1', { ...full.candidates[0]!.features, price: 3 })] }],
    ['length', { ...full, candidates: [itemOf('i1', { ...full.candidates[0]!.features, length: 28 })] }],
    ['clicked', { ...full, history: full.history.map((item) => ({ ...item, itemId: 'i8' })) }],
  ]

  for (const [feature, input] of changed) {
    const after = encode([input], shape)
    const touched = (['request', 'candidate'] as const).flatMap((side) => {
      const slots = layout[side].groups.filter(({ offset, count }) =>
        Array.from({ length: count }, (_, i) => offset + i).some(
          (slot) => before[side].rows[slot] !== after[side].rows[slot],
        ),
      )
      const numbers = layout[side].numbers.filter((_, i) => before[side].numbers[i] !== after[side].numbers[i])
      return [...slots.map((group) => group.feature), ...numbers]
    })
    assert.deepEqual(touched, [feature === 'clicked' ? 'clicked.itemId' : feature])
  }
})

test('a reused batch holds nothing of what it held before', () => {
  const shape = { requests: 3, candidates: 4 }
  fc.assert(
    fc.property(inputs(3), inputs(3), (earlier, later) => {
      const reused = encode(earlier, shape)
      assert.deepEqual(encoder.encode(later, reused), encode(later, shape))
    }),
    { numRuns: 50 },
  )
})

test('encoding answers with the batch it was given', () => {
  const batch = emptyBatch(layout, { requests: 1, candidates: 1 })

  assert.equal(encoder.encode([inputOf()], batch), batch)
})

test('whatever the values are, encoding never throws and all it writes is within bounds', () => {
  const columns = new Map(layout.columns.map((column) => [column.feature, column]))
  const columnOf = (group: string) => columns.get(group.startsWith('clicked.') ? group.slice(8) : group)!
  fc.assert(
    fc.property(anyInput({ minLength: 1, maxLength: 3 }), (input) => {
      const batch = encode([input], { requests: 1, candidates: 3 })
      for (const [side, { groups, slots }] of [
        [batch.request, layout.request],
        [batch.candidate, layout.candidate],
      ] as const) {
        for (let slot = 0; slot < side.rows.length; slot++) {
          const [row, weight] = [side.rows[slot]!, side.weights[slot]!]
          const group = groups.find(({ offset, count }) => slot % slots >= offset && slot % slots < offset + count)!
          const { offset, rows } = columnOf(group.feature)
          assert.equal(row === 0 || (row >= offset && row < offset + rows), true, `row ${row} of ${group.feature}`)
          assert.equal(
            weight >= 0 && weight <= 1 && (row === 0 || weight > 0),
            true,
            `weight ${weight} of ${group.feature}`,
          )
        }
        side.numbers.forEach((number, i) => {
          assert.equal(Number.isFinite(number), true, `number ${number}`)
          assert.equal(
            side.present[i] === 1 || (side.present[i] === 0 && number === 0),
            true,
            `present ${side.present[i]}`,
          )
        })
      }
    }),
    { numRuns: 300 },
  )
})

test('weights of a feature sum to 1 or, where there is nothing, to 0', () => {
  fc.assert(
    fc.property(anyInput({ minLength: 1, maxLength: 1 }), (input) => {
      const batch = encode([input], { requests: 1, candidates: 1 })
      for (const side of ['request', 'candidate'] as const) {
        for (const { feature, offset, count } of layout[side].groups) {
          const sum = batch[side].weights.subarray(offset, offset + count).reduce((total, weight) => total + weight, 0)
          assert.equal(sum === 0 || Math.abs(sum - 1) < 1e-6, true, `weights of ${feature} sum to ${sum}`)
        }
      }
    }),
    { numRuns: 100 },
  )
})

test('candidates encoded together have the bytes of each encoded alone', () => {
  fc.assert(
    fc.property(anyInput({ minLength: 1, maxLength: 5 }), (input) => {
      const together = encode([input], { requests: 1, candidates: 6 })
      input.candidates.forEach((candidate, i) => {
        const alone = encode([{ ...input, candidates: [candidate] }], { requests: 1, candidates: 1 })
        assert.deepEqual(candidateOf(together, 0, i), candidateOf(alone, 0, 0))
        assert.deepEqual(requestOf(together, 0), requestOf(alone, 0))
      })
    }),
    { numRuns: 60 },
  )
})

test('requests encoded together have the bytes of each encoded alone', () => {
  fc.assert(
    fc.property(inputs(4), (some) => {
      const together = encode(some, { requests: 4, candidates: 4 })
      some.forEach((input, request) => {
        const alone = encode([input], { requests: 1, candidates: 4 })
        assert.deepEqual(requestOf(together, request), requestOf(alone, 0))
        assert.deepEqual(together.mask.subarray(4 * request, 4 * request + 4), alone.mask)
        input.candidates.forEach((_, i) => {
          assert.deepEqual(candidateOf(together, request, i), candidateOf(alone, 0, i))
        })
      })
    }),
    { numRuns: 60 },
  )
})

test('encoding leaves its inputs as they were', () => {
  fc.assert(
    fc.property(anyInput({ minLength: 1, maxLength: 2 }), (input) => {
      const copy = structuredClone(input)
      encode([input], { requests: 1, candidates: 2 })
      assert.deepEqual(structuredClone(input), copy)
    }),
    { numRuns: 50 },
  )
})

test('two encoders of one definition and the same statistics write the same bytes', () => {
  const other = createEncoder(structuredClone(fullRanker), structuredClone(statistics))
  fc.assert(
    fc.property(anyInput({ minLength: 1, maxLength: 2 }), (input) => {
      const shape = { requests: 1, candidates: 2 }
      assert.deepEqual(other.encode([input], emptyBatch(other.layout, shape)), encode([input], shape))
    }),
    { numRuns: 50 },
  )
})
