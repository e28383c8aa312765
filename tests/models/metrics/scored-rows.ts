import assert from 'node:assert/strict'
import fc from 'fast-check'

export interface Row {
  readonly label: number
  readonly score: number
  readonly user: number
}

/** Few distinct scores, so that many are equal; few users, so that most have several rows. Scores are probabilities. */
export const row: fc.Arbitrary<Row> = fc.record({
  label: fc.integer({ min: 0, max: 1 }),
  score: fc.integer({ min: 0, max: 8 }).map((eighths) => eighths / 8),
  user: fc.integer({ min: 0, max: 3 }),
})
export const rows = (maxLength: number): fc.Arbitrary<Row[]> => fc.array(row, { minLength: 1, maxLength })
export const shuffledRows = (maxLength: number): fc.Arbitrary<{ given: Row[]; shuffled: Row[] }> =>
  rows(maxLength).chain((given) =>
    fc
      .shuffledSubarray(given, { minLength: given.length, maxLength: given.length })
      .map((shuffled) => ({ given, shuffled })),
  )

export const scoredOf = (of: readonly Row[]) => ({
  labels: of.map(({ label }) => label),
  scores: of.map(({ score }) => score),
})
export const usersOf = (of: readonly Row[]) => of.map(({ user }) => user)

/** Five rows small enough to work by hand; the first two are of one user, the others of another. */
export const byHand = { labels: [0, 1, 0, 1, 1], scores: [0.1, 0.4, 0.4, 0.8, 0.3] }
export const byHandUsers = [1, 1, 2, 2, 2]

export const isNear = (value: number, expected: number, tolerance = 1e-12): boolean =>
  (Number.isNaN(value) && Number.isNaN(expected)) || Math.abs(value - expected) <= tolerance

export const assertNear = (value: number, expected: number, tolerance?: number): void =>
  assert.ok(isNear(value, expected, tolerance), `${value} is not near ${expected}`)
