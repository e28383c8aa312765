import { liveSources } from '../../pipelines/join/clocks.ts'
import type { IngestorStates } from '../ingestor/ingestor.ts'
import type { Metrics } from '../ranker/metrics.ts'
import type { Storage } from './storage.ts'

/** Sets the gauges of what comes in: how far behind it is, what is stopped, what was set aside. */
export async function measureIntake(
  { behind, lag, stopped, deadLetters }: Metrics,
  { join, deadLetters: letters }: Pick<Storage, 'join' | 'deadLetters'>,
  kafka: IngestorStates | null,
): Promise<void> {
  for (const { name, watermarkMs } of await join.sources()) {
    // One that follows the wall's clock has no watermark of its own.
    if (liveSources.includes(name) && watermarkMs > 0)
      behind.set({ source: name }, Math.max(0, (Date.now() - watermarkMs) / 1_000))
  }
  lag.reset()
  stopped.reset()
  for (const { topic, partition, state, lag: records, fault } of kafka?.partitions ?? []) {
    if (records !== null) lag.set({ topic, partition }, records)
    if (state === 'stopped') stopped.set({ topic, partition, code: fault?.code ?? '' }, 1)
  }
  deadLetters.set(await letters.countOpen())
}

/** What somebody has to look at, though ranking goes on. */
export function intakeWarnings(kafka: IngestorStates | null): readonly string[] {
  if (kafka === null) return []
  return [
    ...(kafka.fault === null ? [] : [`${kafka.fault.code}: ${kafka.fault.message}`]),
    ...kafka.partitions.flatMap(({ topic, partition, state, fault }) =>
      state === 'reading' || fault === null ? [] : [`${topic} ${partition} ${state}: ${fault.code}: ${fault.message}`],
    ),
  ]
}
