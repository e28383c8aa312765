import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { backOffMs, cut, judge, nextStep } from '../../../services/ingestor/steps.ts'

test('a batch is taken where it holds the expected offset, from its beginning or from within', () => {
  const steps = [
    { first: 10, next: 12 },
    { first: 7, next: 11 },
  ].map((span) => nextStep(10, span, null))

  assert.deepEqual(steps, ['take', 'take'])
})

test('a batch that ends before the expected offset is read again from there', () => {
  assert.deepEqual(
    [8, 10].map((next) => nextStep(10, { first: 5, next }, 5)),
    ['again', 'again'],
  )
})

test('a batch behind a gap is believed when it begins there a second time, and only after a look at what there is', () => {
  const gap = { first: 13, next: 20 }

  const steps = [null, 12, 13].map((suspected) => nextStep(10, gap, suspected))

  assert.deepEqual(steps, ['again', 'again', 'check'])
})

test('a reader that may begin anywhere passes no record over and takes none twice', () => {
  const log = fc.uniqueArray(fc.nat({ max: 60 }), { minLength: 1, maxLength: 30 })
  // Where a reader begins that does not begin where it was asked to: somewhere before or behind.
  const strays = fc.array(fc.nat({ max: 60 }), { maxLength: 12 })
  const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(log, strays, sizes, (offsets, wrong, lengths) => {
      const records = offsets.toSorted((a, b) => a - b)
      const taken: number[] = []
      let [expected, suspected] = [0, null as number | null]
      for (let turn = 0; turn < 400; turn++) {
        // Strays come one in two, so that none comes twice running: that is what tells them from gaps.
        const from = turn % 2 === 0 ? (wrong[turn / 2] ?? expected) : expected
        const batch = records.filter((offset) => offset >= from).slice(0, lengths[turn % lengths.length])
        if (batch.length === 0) continue
        const span = { first: batch[0]!, next: batch.at(-1)! + 1 }
        const isGap = !records.some((offset) => offset >= expected && offset < span.first)
        const step = nextStep(expected, span, suspected)
        if (step === 'again') suspected = span.first > expected ? span.first : null
        // What `check` finds out is whether records are missing that were there.
        else if (step === 'take' || isGap) {
          taken.push(...batch.filter((offset) => offset >= expected))
          expected = span.next
          suspected = null
        }
      }

      assert.deepEqual(taken, records)
    }),
    { seed: 1, numRuns: 300 },
  )
})

test('a position beyond the end, or before the beginning, is no place to read on from', () => {
  const extent = { low: 5, high: 9 }

  const codes = [4, 5, 9, 10].map((expected) => judge('t', 2, expected, extent)?.code ?? null)

  assert.deepEqual(codes, ['KAFKA_RECORDS_GONE', null, null, 'KAFKA_TOPIC_RECREATED'])
  assert.match(judge('t', 2, 3, extent)!.message, /: 2 records .*polyrank lag reset t 2 --to earliest/)
  assert.match(judge('t', 2, 12, extent)!.message, /ends at 9, but was read up to 12.*polyrank lag reset t 2 --to/)
})

test('a batch is cut at so many records or bytes, and one that is larger stands alone', () => {
  const sizes = (...lengths: readonly number[]) => lengths.map((length) => ({ value: new Uint8Array(length) }))
  const runsOf = (messages: readonly { value: Uint8Array | null }[]) =>
    cut(messages, { records: 3, bytes: 10 }).map((run) => run.map(({ value }) => value?.length ?? null))

  assert.deepEqual(runsOf(sizes(1, 1, 1, 1)), [[1, 1, 1], [1]])
  assert.deepEqual(runsOf(sizes(4, 6, 1, 25, 2)), [[4, 6], [1], [25], [2]])
  assert.deepEqual(runsOf([{ value: null }, ...sizes(10)]), [[null, 10]])
  assert.deepEqual(runsOf([]), [])
})

test('failures wait twice as long each time, from a tenth of a second to ten seconds', () => {
  assert.deepEqual([1, 2, 3, 7, 8, 2_000].map(backOffMs), [100, 200, 400, 6_400, 10_000, 10_000])
})
