import type { Fault } from '../../models/spec/fault.ts'
import { type Ingestor, type IngestorOptions, type IngestorStates, startIngestor } from '../ingestor/ingestor.ts'
import { repeat } from './background.ts'

const tryAgainMs = 2_000

/**
 * Takes events in from Kafka beside what else the service does. Kafka that is away keeps nobody from ranking: it is tried
 * again until it is there. What no waiting mends is thrown at the start, as `startIngestor` says.
 */
export async function startKafkaIntake(
  options: IngestorOptions,
  report: (error: unknown) => void,
): Promise<Pick<Ingestor, 'states' | 'close'>> {
  let ingestor: Ingestor | null = null
  let fault: Fault | null = null
  const start = async () => {
    if (ingestor !== null) return
    try {
      ingestor = await startIngestor(options)
      fault = null
    } catch (error) {
      const found = error as Fault
      if (found.retry !== true) throw error
      // Said once, not every two seconds.
      if (fault?.code !== found.code) report(error)
      fault = found
    }
  }
  await start()
  const trying = repeat(tryAgainMs, start, report)
  return {
    states(): IngestorStates {
      if (ingestor !== null) return ingestor.states()
      return { fault: fault === null ? null : { code: fault.code, message: fault.message }, partitions: [] }
    },
    async close() {
      await trying.stop()
      await ingestor?.close()
    },
  }
}
