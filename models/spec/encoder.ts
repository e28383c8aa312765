import type { Batch, BatchLayout, SideBatch, SideLayout } from './batch.ts'
import { writersOf } from './feature-writers.ts'
import { layoutOf, type Side, sideOf } from './layout.ts'
import type { RankerDefinition } from './ranker.ts'
import type { Candidate, RankingInput } from './slate.ts'
import type { Statistics } from './statistics.ts'

export interface BatchShape {
  readonly requests: number
  /** Candidate slots a request. */
  readonly candidates: number
}

export interface Encoder {
  readonly layout: BatchLayout
  /**
   * Writes inputs into `into`, padding what is left; there must be no more inputs, and none with more candidates, than
   * fit. Missing and malformed values read as missing: an input never throws.
   */
  encode(inputs: readonly RankingInput[], into: Batch): Batch
  /** Writes one of these, with these candidates, at the place of a request that is padding. */
  encodeOne(input: RankingInput, candidates: readonly Candidate[], into: Batch, request: number): void
}

const emptySide = ({ slots, numbers }: SideLayout, places: number): SideBatch => ({
  rows: new Int32Array(places * slots),
  weights: new Float32Array(places * slots),
  numbers: new Float32Array(places * numbers.length),
  present: new Float32Array(places * numbers.length),
})

/** A batch of padding. */
export const emptyBatch = (layout: BatchLayout, { requests, candidates }: BatchShape): Batch => ({
  requests,
  candidates,
  request: emptySide(layout.request, requests),
  candidate: emptySide(layout.candidate, requests * candidates),
  mask: new Float32Array(requests * candidates),
})

function clear({ request, candidate, mask }: Batch): void {
  for (const side of [request, candidate]) {
    for (const array of [side.rows, side.weights, side.numbers, side.present]) array.fill(0)
  }
  mask.fill(0)
}

/** The one encoder: training examples and ranking requests go through the same code. */
export function createEncoder(definition: RankerDefinition, statistics: Statistics): Encoder {
  const layout = layoutOf(definition)
  const { features } = definition
  const context = { features, layout, statistics }
  const writersFor = (side: Side) =>
    writersOf(
      features.filter((feature) => sideOf(feature) === side),
      layout[side],
      context,
    )
  const [requestWriters, candidateWriters] = [writersFor('request'), writersFor('candidate')]
  const encodeOne: Encoder['encodeOne'] = (input, candidates, into, request) => {
    const shared = { input, candidate: null, itemId: '' }
    for (const write of requestWriters) write(shared, into.request, request)
    for (let i = 0; i < candidates.length; i++) {
      const place = request * into.candidates + i
      const candidate = candidates[i]!
      const source = { input, candidate, itemId: candidate.itemId }
      for (const write of candidateWriters) write(source, into.candidate, place)
      into.mask[place] = 1
    }
  }
  return {
    layout,
    encodeOne,
    encode(inputs, into) {
      clear(into)
      for (const [request, input] of inputs.entries()) encodeOne(input, input.candidates, into, request)
      return into
    },
  }
}
