import { Fault } from '../../models/spec/fault.ts'
import type { FileRecord } from '../../pipelines/import/import.ts'
import type { OutcomesBody } from '../ranker/routes/events.ts'
import { lineBatches } from './event-lines.ts'
import { call, type ServiceOptions } from './service-client.ts'

/** What became of one line. */
export interface LineOutcome {
  readonly outcome: 'accepted' | 'duplicate' | 'quarantined' | 'sent' | 'refused'
  readonly eventId: string | null
  readonly code?: string
  readonly path?: string
  readonly message?: string
}
/** Takes the lines of a batch; one outcome a line, in order. */
export type SendLines = (lines: readonly FileRecord[]) => Promise<readonly LineOutcome[]>

const mostShown = 10

/**
 * Sends a file of events and says what became of them, with the first faults by their lines; exits 1 where an event was not
 * taken. Sent again, what was taken is a duplicate: after a Fault on the way, the same command goes on.
 */
export async function sendFile(file: string, send: SendLines, { json }: Pick<ServiceOptions, 'json'>): Promise<void> {
  const counts: Partial<Record<LineOutcome['outcome'], number>> = {}
  const faults: (LineOutcome & { readonly line: number })[] = []
  let reached = 0
  for await (const lines of lineBatches(file)) {
    const outcomes = await send(lines).catch((error) => {
      throw error instanceof Fault && reached > 0
        ? new Fault(error.code, `${error.message} Lines up to ${reached} are done; sending the file again is safe.`, {
            cause: error,
          })
        : error
    })
    for (const [i, each] of outcomes.entries()) {
      counts[each.outcome] = (counts[each.outcome] ?? 0) + 1
      if (each.code !== undefined && faults.length < mostShown) faults.push({ line: lines[i]!.row, ...each })
    }
    reached = lines.at(-1)!.row
  }
  if (json === true) console.log(JSON.stringify({ ...counts, faults }, null, 2))
  else {
    for (const { line, code, path, message } of faults)
      console.log(`line ${line}: ${code} at ${path || 'the top'}: ${message}`)
    const told = Object.entries(counts).map(([outcome, count]) => `${count} ${outcome}`)
    console.log(told.length === 0 ? 'There are no events.' : told.join(', '))
  }
  if ((counts.quarantined ?? 0) + (counts.refused ?? 0) > 0) process.exitCode = 1
}

/** To a running service, which answers for each event. */
export const toService =
  (options: ServiceOptions): SendLines =>
  async (lines) => {
    const bytes = Uint8Array.from(Buffer.concat(lines.flatMap((line) => [line.bytes, newLine])))
    const { results } = await call<OutcomesBody>(options, '/v1/events', { bytes, type: 'application/x-ndjson' })
    // The line says where it stands; the first part of the path only counts within the request.
    return results.map((each) => (each.path === undefined ? each : { ...each, path: each.path.replace(/^\/\d+/, '') }))
  }

const newLine = Uint8Array.of(10)
