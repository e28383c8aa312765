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
  return {
    ...tally,
    impressions: tally.impressions + 1,
    lastImpressionAtMs: last === null ? atMs : Math.max(last, atMs),
    ...(byDay ? { days: addToDay(tally, atMs, (day) => ({ ...day, impressions: day.impressions + 1 })) } : {}),
  }
}

export function addFeedback(tally: Tally, kind: string, atMs: number, byDay: boolean): Tally {
  return {
    ...tally,
    feedback: withOneMore(tally.feedback, kind),
    ...(byDay ? { days: addToDay(tally, atMs, (day) => ({ ...day, feedback: withOneMore(day.feedback, kind) })) } : {}),
  }
}

const withOneMore = (counts: Tally['feedback'], kind: string) => ({ ...counts, [kind]: ofKind(counts, kind) + 1 })

function addToDay({ days = [] }: Tally, atMs: number, change: (day: DayTally) => DayTally): readonly DayTally[] {
  const day = dayOf(atMs)
  const known = days.find((each) => each.day === day) ?? { day, impressions: 0, feedback: {} }
  const newest = Math.max(day, days.at(-1)?.day ?? day)
  return [...days.filter((each) => each.day !== day), change(known)]
    .filter((each) => each.day > newest - keptDays)
    .sort((a, b) => a.day - b.day)
}
