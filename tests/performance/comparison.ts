/** One measurement of one program: the median time of a step, and for limits the times of its parts. */
export interface Measurement {
  readonly ms: number
  readonly steps: number
  readonly details?: readonly Detail[]
}
export interface Detail {
  readonly name: string
  readonly ms: number
  /** How much is done in that time. */
  readonly amount: number
  readonly unit: 'GFLOP' | 'GB'
}

export interface Taken extends Measurement {
  /** Cores that others used meanwhile; null where the system does not tell. */
  readonly foreignCores: number | null
}

export interface Comparison {
  /** Of their time over ours, round by round: above 1, ours is faster. */
  readonly ratio: { readonly median: number; readonly least: number; readonly greatest: number }
  readonly rounds: number
  readonly quietRounds: number
  /** Others took part: the ratio is not to be used. */
  readonly contended: boolean
}

const quietBelow = 0.1
/** Fewer say nothing. */
export const quietRoundsNeeded = 3

export const isQuiet = ({ foreignCores }: Pick<Taken, 'foreignCores'>): boolean => (foreignCores ?? 0) <= quietBelow

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const last = sorted.length - 1
  return (sorted[Math.floor(last / 2)]! + sorted[Math.ceil(last / 2)]!) / 2
}

/**
 * Measurements of the same rounds, in turn. Rounds beside other processes are left out: they slow one side more than
 * the other.
 */
export function compare(ours: readonly Taken[], theirs: readonly Taken[]): Comparison {
  const pairs = ours.map((own, round) => ({ own, their: theirs[round]! }))
  const quiet = pairs.filter(({ own, their }) => isQuiet(own) && isQuiet(their))
  const contended = quiet.length < quietRoundsNeeded
  const ratios = (contended ? pairs : quiet).map(({ own, their }) => their.ms / own.ms)
  return {
    ratio: { median: median(ratios), least: Math.min(...ratios), greatest: Math.max(...ratios) },
    rounds: pairs.length,
    quietRounds: quiet.length,
    contended,
  }
}

/** Whether both sides did the same arithmetic: equal losses or scores, to four digits where nothing is said. */
export const sameWork = (ours: readonly number[], theirs: readonly number[], tolerance = 1e-4): boolean =>
  ours.length === theirs.length && ours.every((value, i) => Math.abs(value - theirs[i]!) <= tolerance * Math.abs(value))
