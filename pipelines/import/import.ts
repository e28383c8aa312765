import { type IngestContext, ingest, type RawRecord } from '../ingest/ingest.ts'

/** A record of a file with its row: the first one is 1. */
export interface FileRecord {
  readonly bytes: Uint8Array
  readonly row: number
}

export interface ImportOptions {
  /** As dead letters name the file, beside its source. */
  readonly file: string
  /** Rows before this one were taken by an earlier run. */
  readonly fromRow?: number
  /** More of this source is to come: the join waits for the run that says otherwise. */
  readonly keepOpen?: boolean
  isStopping?(): boolean
  onTaken?(counts: ImportCounts): void
}

export interface ImportCounts {
  readonly rows: number
  readonly accepted: number
  readonly duplicate: number
  readonly quarantined: number
}
export interface ImportFault {
  readonly row: number
  readonly code: string
  readonly path: string
  readonly message: string
}
export interface Imported extends ImportCounts {
  /** Where another run goes on after this one was stopped; null where the file is through. */
  readonly nextRow: number | null
  readonly faults: readonly ImportFault[]
}

const batchSize = 2_000
const mostFaults = 10

/**
 * Takes a file in as a backfill with a clock of its own, which is set to its newest event at the end: rows may stand in any
 * order, and none is joined before all are there. A run again, or one after another that was stopped, changes nothing that
 * was taken before.
 */
export async function importRecords(
  records: AsyncIterable<FileRecord>,
  context: IngestContext,
  { file, fromRow = 1, keepOpen = false, isStopping = () => false, onTaken = () => {} }: ImportOptions,
): Promise<Imported> {
  const topic = `import:${context.source}:${file}`
  const counts = { rows: 0, accepted: 0, duplicate: 0, quarantined: 0 }
  const faults: ImportFault[] = []
  let batch: FileRecord[] = []
  const take = async () => {
    const outcomes = await ingest(
      batch.map((record) => rawRecord(record, topic)),
      context,
    )
    counts.rows += batch.length
    for (const [i, { outcome, code, path = '', message = '' }] of outcomes.entries()) {
      counts[outcome]++
      if (code !== undefined && faults.length < mostFaults) faults.push({ row: batch[i]!.row, code, path, message })
    }
    batch = []
    onTaken({ ...counts })
  }
  for await (const record of records) {
    if (record.row < fromRow) continue
    if (batch.length === 0 && isStopping()) return { ...counts, faults, nextRow: record.row }
    batch.push(record)
    if (batch.length === batchSize) await take()
  }
  if (batch.length > 0) await take()
  if (!keepOpen) await close(context)
  return { ...counts, faults, nextRow: null }
}

/** All of the source is there: the join may take it to its newest event, which an earlier file may hold. */
async function close({ store, source }: IngestContext): Promise<void> {
  await store.transaction(async (transaction) => {
    const newestMs = await transaction.newestPending(source)
    if (newestMs !== null) await transaction.advance(source, newestMs)
  })
}

/** With a place, so that a row that is read again is not set aside again. */
const rawRecord = ({ bytes, row }: FileRecord, topic: string): RawRecord => ({
  bytes,
  path: '',
  origin: { topic, partition: 0, offset: row },
})
