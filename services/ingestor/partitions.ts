import type { Fault } from '../../models/spec/fault.ts'

export interface PartitionState {
  readonly topic: string
  readonly partition: number
  /** `waiting`: it is being found out where to go on, or the storage is away; it goes on by itself. */
  readonly state: 'reading' | 'waiting' | 'stopped'
  /** All before it was taken; null where that is not known yet. */
  readonly nextOffset: number | null
  /** Records that it holds beyond that, when it was last looked at; null where that is not known yet. */
  readonly lag: number | null
  /** Why it waits or is stopped. */
  readonly fault: { readonly code: string; readonly message: string } | null
}

/** One partition that this process has now. */
export interface Partition {
  readonly topic: string
  readonly partition: number
  state: PartitionState['state']
  fault: Fault | null
  /** The position in the storage, as far as this process knows; -1 until it knows. */
  stored: number
  /** Where reading goes on: at `stored`, or later where all between holds no record to take. */
  next: number
  /** Where it ended when it was last looked at. */
  end: number | null
  /** Where a batch began that was not believed. */
  suspected: number | null
  /** Failures in a row, and when to try again. */
  failures: number
  againAtMs: number
  /** What is being taken from it; one after the other. */
  turn: Promise<void>
  /** Turns that are under way or wait, and those that are over. */
  pending: number
  turns: number
}

export const newPartition = (topic: string, partition: number): Partition => ({
  topic,
  partition,
  state: 'waiting',
  fault: null,
  stored: -1,
  next: -1,
  end: null,
  suspected: null,
  failures: 0,
  againAtMs: 0,
  turn: Promise.resolve(),
  pending: 0,
  turns: 0,
})

export const keyOf = (topic: string, partition: number): string => `${topic}/${partition}`

export const stateOf = ({ topic, partition, state, next, end, fault }: Partition): PartitionState => ({
  topic,
  partition,
  state,
  nextOffset: next === -1 ? null : next,
  lag: next === -1 || end === null ? null : Math.max(0, end - next),
  fault: fault === null ? null : { code: fault.code, message: fault.message },
})

/** Does `work` when nothing else is done to the partition. */
export function inTurn(partition: Partition, work: () => Promise<void>): Promise<void> {
  partition.pending++
  const done = partition.turn.then(work).finally(() => {
    partition.pending--
    partition.turns++
  })
  partition.turn = done.catch(() => {})
  return done
}
