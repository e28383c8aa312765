import { Fault } from '../../models/spec/fault.ts'
import type { Extent } from '../adapters/kafka/offsets.ts'

/** Where a batch of records stands: all from `first` to before `next`. */
export interface Span {
  readonly first: number
  readonly next: number
}

/** `again`: read from where it was expected. `check`: a gap, unless what is missing was deleted. */
export type Step = 'take' | 'again' | 'check'

/**
 * What to do with a batch where `expected` is the next offset to take. One that begins later is believed only when it does
 * so a second time, having been asked for anew (`suspected`): compaction and the ends of transactions leave such gaps, but so
 * does a reader that was somewhere else.
 */
export function nextStep(expected: number, { first, next }: Span, suspected: number | null): Step {
  if (next <= expected) return 'again'
  if (first <= expected) return 'take'
  return first === suspected ? 'check' : 'again'
}

/** Why a partition cannot be read on from `expected`; null where it can. */
export function judge(topic: string, partition: number, expected: number, { low, high }: Extent): Fault | null {
  const wayOut = `polyrank lag reset ${topic} ${partition} --to earliest (or latest, or an offset)`
  const details = { topic, partition, expected, low, high }
  if (expected > high) {
    return new Fault(
      'KAFKA_TOPIC_RECREATED',
      `Partition ${partition} of "${topic}" ends at ${high}, but was read up to ${expected}: the topic was made anew, or lost records. Nothing more is read from it. Way out: ${wayOut}.`,
      { details },
    )
  }
  if (expected < low) {
    return new Fault(
      'KAFKA_RECORDS_GONE',
      `Partition ${partition} of "${topic}" begins at ${low}, but was read up to ${expected} only: ${low - expected} records were deleted before they were read. Nothing more is read from it until you say where to go on: ${wayOut}.`,
      { details },
    )
  }
  return null
}

export interface Limit {
  readonly records: number
  readonly bytes: number
}

/** Cuts a batch into runs for one transaction each; a record that is larger than all a run may hold is one by itself. */
export function cut<Message extends { readonly value: Uint8Array | null }>(
  messages: readonly Message[],
  limit: Limit,
): readonly (readonly Message[])[] {
  const runs: Message[][] = []
  let run: Message[] = []
  let bytes = 0
  for (const message of messages) {
    const size = message.value?.length ?? 0
    if (run.length > 0 && (run.length === limit.records || bytes + size > limit.bytes)) {
      runs.push(run)
      run = []
      bytes = 0
    }
    run.push(message)
    bytes += size
  }
  return run.length === 0 ? runs : [...runs, run]
}

/** How long to wait after so many failures in a row. */
export const backOffMs = (failures: number): number => Math.min(10_000, 100 * 2 ** Math.min(failures - 1, 10))
