import { defineRanker } from '../../models/spec/define-ranker.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { Impression, SlateExamples } from '../../models/spec/slate.ts'
import { type Movielens, type Rating, type Slice, sliceOf } from './movielens.ts'

const upTo = (last: number, from = 1) => Array.from({ length: last - from + 1 }, (_, i) => String(from + i))
const genres = [
  ...['Action', 'Adventure', 'Animation', "Children's", 'Comedy', 'Crime', 'Documentary', 'Drama', 'Fantasy'],
  ...['Film-Noir', 'Horror', 'Musical', 'Mystery', 'Romance', 'Sci-Fi', 'Thriller', 'War', 'Western'],
]

/** MMoE on ids and attributes. Many ratings an id, hence no id dropout, a weak ridge and fast rates. */
export const movielensRanker: RankerDefinition = defineRanker({
  name: 'movielens',
  features: [
    { kind: 'categorical', name: 'userId', scope: 'user', rows: { vocabulary: upTo(6040) }, isId: true },
    { kind: 'categorical', name: 'gender', scope: 'user', rows: { vocabulary: ['F', 'M'] } },
    {
      kind: 'categorical',
      name: 'age',
      scope: 'user',
      rows: { vocabulary: ['1', '18', '25', '35', '45', '50', '56'] },
    },
    { kind: 'categorical', name: 'occupation', scope: 'user', rows: { vocabulary: upTo(20, 0) } },
    { kind: 'categorical', name: 'itemId', scope: 'item', rows: { vocabulary: upTo(3952) }, isId: true },
    { kind: 'categories', name: 'genres', scope: 'item', rows: { vocabulary: genres }, maxValues: 6 },
    { kind: 'numeric', name: 'year', scope: 'item', scale: 'standard' },
  ],
  tasks: [
    { name: 'like', label: { rule: 'atLeast', kind: 'stars', value: 4 }, windowMs: 0 },
    { name: 'love', label: { rule: 'atLeast', kind: 'stars', value: 5 }, windowMs: 0 },
    { name: 'dislike', label: { rule: 'happened', kind: 'few stars' }, windowMs: 0 },
  ],
  trunk: { dimension: 16, idDropout: 0, dropout: 0.1 },
  architecture: { kind: 'mmoe', experts: 4, hidden: 128, tower: 64 },
  training: {
    batchSize: 1024,
    epochs: 7,
    rate: 1e-3,
    embeddingRate: 0.02,
    wideRate: 0.003,
    ridge: 3,
    averaging: 0.998,
  },
})

export interface MovielensExamples {
  /** A user's ratings of one slice are one slate. First those to learn from, then those of the test. */
  readonly slates: readonly SlateExamples[]
  readonly learnt: number
  readonly test: number
}

/** Learnt are training and validation slice: the settings are fixed. */
export function movielensExamples(movielens: Movielens): MovielensExamples {
  const of = (wanted: (slice: Slice) => boolean) => movielens.ratings.filter((rating) => wanted(sliceOf(rating)))
  const [learnt, test] = [of((slice) => slice !== 'test'), of((slice) => slice === 'test')]
  return {
    slates: [...slatesOf(movielens, learnt), ...slatesOf(movielens, test)],
    learnt: learnt.length,
    test: test.length,
  }
}

/** Ratings come by user. */
function slatesOf({ users, movies }: Movielens, ratings: readonly Rating[]): SlateExamples[] {
  const slates: SlateExamples[] = []
  for (let from = 0; from < ratings.length; ) {
    const { userId } = ratings[from]!
    let to = from
    while (to < ratings.length && ratings[to]!.userId === userId) to++
    const own = ratings.slice(from, to)
    slates.push({
      slateId: userId,
      input: {
        userId,
        occurredAtMs: 0,
        user: { ...users.get(userId) },
        context: {},
        history: [],
        userTally: null,
        candidates: own.map(({ movieId }) => ({
          itemId: movieId,
          features: { ...movies.get(movieId) },
          tally: null,
          userItemTally: null,
        })),
      },
      impressions: own.map(impressionOf),
      watermarkMs: Number.POSITIVE_INFINITY,
    })
    from = to
  }
  return slates
}

const impressionOf = ({ stars }: Rating, candidate: number): Impression => ({
  candidate,
  position: candidate,
  feedback: [
    { kind: 'stars', value: stars, occurredAtMs: 0 },
    ...(stars <= 2 ? [{ kind: 'few stars', value: null, occurredAtMs: 0 }] : []),
  ],
})
