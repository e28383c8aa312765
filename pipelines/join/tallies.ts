import type { Tally } from '../../models/spec/slate.ts'
import { emptyTally, mergeTallies } from '../../models/spec/tally.ts'
import type { Clock, ClockTally, TallyScope } from './ports.ts'

/** Reads a tally; null where nothing is counted under that key. */
export type ReadTally = (scope: TallyScope, key: string) => Tally | null

export interface BatchTallies {
  /** What is known just before a moment. Late: the own clock has moved on, and only the others' counts are left. */
  before(atMs: number, isLate: boolean): ReadTally
  change(scope: TallyScope, key: string, change: (tally: Tally) => Tally): void
  changed(): readonly ClockTally[]
}

type ByScope<Value> = Readonly<Record<TallyScope, Map<string, Value>>>
const byScope = <Value>(): ByScope<Value> => ({ user: new Map(), item: new Map(), 'user-item': new Map() })
const scopes: readonly TallyScope[] = ['user', 'item', 'user-item']

/**
 * Tallies while a batch of one clock is folded. That clock's change; another's are whole up to where it is joined, and are
 * seen by what comes after that.
 */
export function createBatchTallies(
  given: readonly ClockTally[],
  clock: Clock,
  joinedTo: ReadonlyMap<Clock, number>,
): BatchTallies {
  const clocks = new Map<Clock, ByScope<Tally>>([[clock, byScope()]])
  for (const { clock: of, scope, key, tally } of given) {
    if (!clocks.has(of)) clocks.set(of, byScope())
    clocks.get(of)![scope].set(key, tally)
  }
  const own = clocks.get(clock)!
  const others = [...clocks].flatMap(([of, tallies]) =>
    of === clock ? [] : [{ tallies, joinedToMs: joinedTo.get(of) ?? 0 }],
  )
  const changed = byScope<Tally>()
  return {
    before(atMs, isLate) {
      const visible = others.filter(({ joinedToMs }) => joinedToMs < atMs).map(({ tallies }) => tallies)
      if (!isLate) visible.push(own)
      return (scope, key) => {
        let sum: Tally | null = null
        for (const tallies of visible) {
          const tally = tallies[scope].get(key)
          if (tally !== undefined) sum = sum === null ? tally : mergeTallies(sum, tally)
        }
        return sum
      }
    },
    change(scope, key, change) {
      const tally = change(own[scope].get(key) ?? emptyTally)
      own[scope].set(key, tally)
      changed[scope].set(key, tally)
    },
    changed: () =>
      scopes.flatMap((scope) => Array.from(changed[scope], ([key, tally]) => ({ clock, scope, key, tally }))),
  }
}
