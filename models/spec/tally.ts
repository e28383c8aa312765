import type { DayTally, Tally } from './slate.ts'

const dayMs = 86_400_000
/** The longest window a counter can have, and so how many days a tally keeps. */
export const keptDays = 30
/** A history looks back on so many of a user's last feedback, of any kind. */
export const historyHorizon = 200
export const dayOf = (atMs: number): number => Math.floor(atMs / dayMs)

/** The number of one kind, 0 where there is none. A kind is any text, so `constructor` may be one. */
export const ofKind = (numbers: Readonly<Record<string, number>>, kind: string): number =>
  Object.hasOwn(numbers, kind) ? numbers[kind]! : 0

export const emptyTally: Tally = { impressions: 0, feedback: {}, lastImpressionAtMs: null }

/** The tally with one more impression. `byDay` keeps counts per day too, for windows. */
export function addImpression(tally: Tally, atMs: number, byDay: boolean): Tally {
  const last = tally.lastImpressionAtMs
  const days = byDay ? addToDay(tally, atMs, (day) => ({ ...day, impressions: day.impressions + 1 })) : tally.days
  return talliedAs(tally.impressions + 1, tally.feedback, last === null ? atMs : Math.max(last, atMs), days)
}

export function addFeedback(tally: Tally, kind: string, atMs: number, byDay: boolean): Tally {
  const days = byDay
    ? addToDay(tally, atMs, (day) => ({ ...day, feedback: withOneMore(day.feedback, kind) }))
    : tally.days
  return talliedAs(tally.impressions, withOneMore(tally.feedback, kind), tally.lastImpressionAtMs, days)
}

/** Written out: spreading takes some twenty times as long, and events are counted one by one. */
const talliedAs = (
  impressions: number,
  feedback: Counts,
  lastImpressionAtMs: number | null,
  days: Tally['days'],
): Tally =>
  days === undefined
    ? { impressions, feedback, lastImpressionAtMs }
    : { impressions, feedback, lastImpressionAtMs, days }

/** The counts of both together, as if one tally had counted all. */
export function mergeTallies(a: Tally, b: Tally): Tally {
  const lasts = [a.lastImpressionAtMs, b.lastImpressionAtMs].filter((last) => last !== null)
  return {
    impressions: a.impressions + b.impressions,
    feedback: addCounts(a.feedback, b.feedback),
    lastImpressionAtMs: lasts.length === 0 ? null : Math.max(...lasts),
    ...(a.days === undefined && b.days === undefined ? {} : { days: mergeDays(a.days ?? [], b.days ?? []) }),
  }
}

function mergeDays(a: readonly DayTally[], b: readonly DayTally[]): readonly DayTally[] {
  const days = new Map(a.map((day) => [day.day, day]))
  for (const own of b) {
    const other = days.get(own.day)
    const { day, impressions, feedback } = own
    if (other === undefined) days.set(day, own)
    else
      days.set(day, {
        day,
        impressions: impressions + other.impressions,
        feedback: addCounts(other.feedback, feedback),
      })
  }
  return newestDays([...days.values()])
}

/** Whether two tallies count the same; none at all counts nothing. */
export function sameTally(a: Tally | null, b: Tally | null): boolean {
  const [one, other] = [a ?? emptyTally, b ?? emptyTally]
  const [days, otherDays] = [one.days ?? [], other.days ?? []]
  return (
    one.impressions === other.impressions &&
    one.lastImpressionAtMs === other.lastImpressionAtMs &&
    sameCounts(one.feedback, other.feedback) &&
    days.length === otherDays.length &&
    days.every((day, i) => {
      const its = otherDays[i]!
      return day.day === its.day && day.impressions === its.impressions && sameCounts(day.feedback, its.feedback)
    })
  )
}

type Counts = Tally['feedback']

/** Entries, not assignments: a kind may be called `__proto__`. */
const addCounts = (a: Counts, b: Counts): Counts =>
  Object.fromEntries(
    [...new Set([...Object.keys(a), ...Object.keys(b)])].map((kind) => [kind, ofKind(a, kind) + ofKind(b, kind)]),
  )

const sameCounts = (a: Counts, b: Counts): boolean =>
  [...Object.keys(a), ...Object.keys(b)].every((kind) => ofKind(a, kind) === ofKind(b, kind))

const withOneMore = (counts: Counts, kind: string) => ({ ...counts, [kind]: ofKind(counts, kind) + 1 })

function addToDay({ days = [] }: Tally, atMs: number, change: (day: DayTally) => DayTally): readonly DayTally[] {
  const day = dayOf(atMs)
  const known = days.find((each) => each.day === day) ?? { day, impressions: 0, feedback: {} }
  return newestDays([...days.filter((each) => each.day !== day), change(known)])
}

function newestDays(days: DayTally[]): readonly DayTally[] {
  const sorted = days.sort((a, b) => a.day - b.day)
  const newest = sorted.at(-1)?.day ?? 0
  return sorted.filter(({ day }) => day > newest - keptDays)
}
