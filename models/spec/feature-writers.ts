import type { BatchLayout, SideBatch, SideLayout } from './batch.ts'
import type {
  CategoricalFeature,
  CountersFeature,
  FeatureSpec,
  FeatureValue,
  FeatureValues,
  Hashed,
  HistoryFeature,
  NumericFeature,
  Vocabulary,
} from './features.ts'
import { rowHasher } from './hash.ts'
import { historyItemFeatures, numberBins, numberNames, rowsOf } from './layout.ts'
import { scaled } from './scale.ts'
import type { Candidate, DayTally, RankingInput, Tally } from './slate.ts'
import type { Statistics } from './statistics.ts'
import { dayOf, ofKind } from './tally.ts'

/** Where values come from: a request, and on the candidate side one of its candidates. */
export interface Source {
  readonly input: RankingInput
  readonly candidate: Candidate | null
  readonly itemId: string
}

/** Writes one feature of one place. What it does not write stays padding. */
export type FeatureWriter = (source: Source, side: SideBatch, place: number) => void

/** How a missing value is hashed; no event can carry it, since NUL is refused. */
const missing = '\u0000missing'
const defaultStrength = 5

/** The row of one value in the table, 0 for a word outside a closed vocabulary. */
type RowOf = (value: string) => number

function rowReader(name: string, rows: Hashed | Vocabulary, layout: BatchLayout): RowOf {
  const { offset } = layout.columns.find(({ feature }) => feature === name)!
  if ('buckets' in rows) {
    const hash = rowHasher(name, rows.buckets)
    return (value) => offset + hash(value)
  }
  const known = new Map(rows.vocabulary.map((word, i) => [word, offset + i]))
  known.set(missing, offset + rowsOf(rows) - 1)
  return (value) => known.get(value) ?? 0
}

/** Text, numbers and truth values are all values of a category. */
const category = (value: FeatureValue | undefined): string =>
  typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'boolean' ? String(value) : missing

function valueReader(scope: 'user' | 'item' | 'context', field: string): (source: Source) => FeatureValue | undefined {
  if (scope === 'user' && field === 'userId') return ({ input }) => input.userId
  if (scope === 'item' && field === 'itemId') return ({ itemId }) => itemId
  if (scope === 'item') return ({ candidate }) => candidate?.features[field]
  return scope === 'user' ? ({ input }) => input.user[field] : ({ input }) => input.context[field]
}

/** Marks belong to the letters they stand on; one spelling of accents, whichever was typed. */
const words = (text: string): string[] =>
  text
    .normalize('NFC')
    .toLowerCase()
    .match(/[\p{L}\p{M}\p{N}]+/gu) ?? []

/** What every writer may look up: the whole definition's features, its layout, and what was learnt from training rows. */
export interface WriterContext {
  readonly features: readonly FeatureSpec[]
  readonly layout: BatchLayout
  readonly statistics: Statistics
}

/** One writer a feature of one side, in the layout's order. */
export function writersOf(
  features: readonly FeatureSpec[],
  side: SideLayout,
  context: WriterContext,
): readonly FeatureWriter[] {
  const width = { slots: side.slots, numbers: side.numbers.length }
  let at = { slot: 0, number: 0 }
  return features.map((feature) => {
    const writer = writerOf(feature, context, at, width)
    at = { slot: at.slot + slotsOf(feature), number: at.number + numberNames(feature).length }
    return writer
  })
}

function slotsOf(feature: FeatureSpec): number {
  if (feature.kind === 'history') return feature.items.length * feature.length
  if (feature.kind === 'categories') return feature.maxValues
  if (feature.kind === 'text') return feature.maxTokens
  return feature.kind === 'categorical' || (feature.kind === 'numeric' && feature.scale === 'buckets') ? 1 : 0
}

interface Place {
  readonly slot: number
  readonly number: number
}
interface Width {
  readonly slots: number
  readonly numbers: number
}

function writerOf(feature: FeatureSpec, context: WriterContext, at: Place, width: Width): FeatureWriter {
  const { layout, statistics, features } = context
  switch (feature.kind) {
    case 'categorical':
      return categoricalWriter(feature, layout, at, width)
    case 'categories':
    case 'text':
      return manyWriter(feature, layout, at, width)
    case 'numeric':
      return feature.scale === 'buckets'
        ? bucketWriter(feature, layout, statistics, at, width)
        : numericWriter(feature, at, width)
    case 'counters':
      return countersWriter(feature, statistics, at, width)
    case 'history':
      return historyWriter(feature, historyItemFeatures(features, feature.items), layout, at, width)
  }
}

function categoricalWriter(
  feature: CategoricalFeature,
  layout: BatchLayout,
  { slot }: Place,
  { slots }: Width,
): FeatureWriter {
  const rowOf = rowReader(feature.name, feature.rows, layout)
  const read = valueReader(feature.scope, feature.field ?? feature.name)
  return (source, side, place) => {
    side.rows[place * slots + slot] = rowOf(category(read(source)))
    side.weights[place * slots + slot] = 1
  }
}

function manyWriter(
  feature: Extract<FeatureSpec, { kind: 'categories' | 'text' }>,
  layout: BatchLayout,
  { slot }: Place,
  { slots }: Width,
): FeatureWriter {
  const rowOf = rowReader(feature.name, feature.rows, layout)
  const read = valueReader(feature.scope, feature.field ?? feature.name)
  const most = feature.kind === 'text' ? feature.maxTokens : feature.maxValues
  const split = (value: FeatureValue | undefined): readonly string[] => {
    const values: readonly (FeatureValue | undefined)[] = Array.isArray(value) ? value : [value]
    if (feature.kind === 'categories') return values.map(category)
    const texts = values.filter((each) => typeof each === 'string')
    return texts.length === 0 && !Array.isArray(value) ? [missing] : texts.flatMap(words)
  }
  return (source, side, place) => {
    const values = split(read(source)).slice(0, most)
    values.forEach((value, i) => {
      side.rows[place * slots + slot + i] = rowOf(value)
      side.weights[place * slots + slot + i] = 1 / values.length
    })
  }
}

function numericWriter(feature: NumericFeature, { number }: Place, { numbers }: Width): FeatureWriter {
  const read = valueReader(feature.scope, feature.field ?? feature.name)
  return (source, side, place) => {
    const value = scaled(read(source), feature.scale)
    if (value === null) return
    side.numbers[place * numbers + number] = value
    side.present[place * numbers + number] = 1
  }
}

function bucketWriter(
  feature: NumericFeature,
  layout: BatchLayout,
  statistics: Statistics,
  { slot }: Place,
  { slots }: Width,
): FeatureWriter {
  const { offset } = layout.columns.find((column) => column.feature === feature.name)!
  const { edges } = statistics.numbers[feature.name] ?? { edges: [] }
  const read = valueReader(feature.scope, feature.field ?? feature.name)
  return (source, side, place) => {
    const value = scaled(read(source), feature.scale)
    // Bin i holds values from edge i up to edge i + 1, what lies below joins the first. With fewer edges than bins the last
    // edge has a bin of its own: a number of two values has two.
    const bin =
      value === null ? numberBins : Math.min(edges.slice(1).filter((edge) => value >= edge).length, numberBins - 1)
    side.rows[place * slots + slot] = offset + bin
    side.weights[place * slots + slot] = 1
  }
}

function historyWriter(
  feature: HistoryFeature,
  items: readonly CategoricalFeature[],
  layout: BatchLayout,
  { slot }: Place,
  { slots }: Width,
): FeatureWriter {
  const readers = items.map((item) => ({
    rowOf: rowReader(item.name, item.rows, layout),
    field: item.field ?? item.name,
  }))
  const fieldOf = (itemId: string, features: FeatureValues, field: string) =>
    field === 'itemId' ? itemId : features[field]
  return ({ input }, side, place) => {
    const counted =
      feature.feedback === undefined
        ? input.history
        : input.history.filter(({ kind }) => feature.feedback!.includes(kind))
    const latest = counted.slice(-feature.length)
    readers.forEach(({ rowOf, field }, group) => {
      latest.forEach(({ itemId, features }, i) => {
        const index = place * slots + slot + group * feature.length + i
        side.rows[index] = rowOf(category(fieldOf(itemId, features, field)))
        side.weights[index] = 1 / latest.length
      })
    })
  }
}

function countersWriter(
  feature: CountersFeature,
  { rates }: Statistics,
  { number }: Place,
  { numbers }: Width,
): FeatureWriter {
  const strength = feature.strength ?? defaultStrength
  const priors = feature.feedback.map((kind) => ofKind(rates, kind))
  const { of, windowDays, feedback: kinds } = feature
  // Made once, and without functions within: this runs for every candidate of every request.
  return ({ input, candidate }, side, place) => {
    const tally =
      (of === 'user' ? input.userTally : of === 'item' ? candidate?.tally : candidate?.userItemTally) ?? null
    const days = windowDays === undefined ? null : recentDays(tally, windowDays, input.occurredAtMs)
    const impressions = impressionsOf(tally, days)
    const last = tally?.lastImpressionAtMs ?? null
    const { numbers: values, present } = side
    const from = place * numbers + number
    let at = from
    values[at++] = Math.log1p(impressions)
    for (let i = 0; i < kinds.length; i++) {
      const count = feedbackOf(tally, days, kinds[i]!)
      values[at++] = Math.log1p(count)
      values[at++] = (count + strength * priors[i]!) / (impressions + strength)
    }
    values[at++] = last === null ? -1 : Math.log1p(Math.max(input.occurredAtMs - last, 0) / 1000)
    for (let i = from; i < at; i++) present[i] = 1
  }
}

const recentDays = (tally: Tally | null, windowDays: number, nowMs: number): readonly DayTally[] =>
  (tally?.days ?? []).filter(({ day }) => day > dayOf(nowMs) - windowDays)

/** In those days; ever, where they are null. */
function impressionsOf(tally: Tally | null, days: readonly DayTally[] | null): number {
  if (days === null) return tally?.impressions ?? 0
  return days.reduce((sum, day) => sum + day.impressions, 0)
}

function feedbackOf(tally: Tally | null, days: readonly DayTally[] | null, kind: string): number {
  if (days === null) return tally === null ? 0 : ofKind(tally.feedback, kind)
  return days.reduce((sum, { feedback }) => sum + ofKind(feedback, kind), 0)
}
