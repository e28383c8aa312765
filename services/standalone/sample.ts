import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { kuairandEventCount, kuairandEvents } from '../../pipelines/datasets/kuairand/events.ts'
import { type KuairandTables, readKuairand } from '../../pipelines/datasets/kuairand/tables.ts'
import { type IngestContext, ingest, type RawRecord } from '../../pipelines/ingest/ingest.ts'
import type { JoinStore } from '../../pipelines/join/ports.ts'

const folder = join(import.meta.dirname, '..', '..', 'pipelines', 'datasets', 'kuairand')
const source = 'kuairand'
/** Past every event: the backfill is whole, and every window of it has closed. */
const closedMs = Number.MAX_SAFE_INTEGER
const batchSize = 2_000

export async function readSample(): Promise<KuairandTables> {
  const textOf = async (file: string) => gunzipSync(await readFile(join(folder, `${file}.csv.gz`))).toString('utf8')
  const [interactions, users, videos] = await Promise.all(
    ['interactions', 'user_features', 'video_features_basic_pool_only'].map(textOf),
  )
  return readKuairand({ interactions: interactions!, users: users!, videos: videos! })
}

/** How far the sample is: not all there, all there, or joined as well. */
export async function sampleState(store: JoinStore): Promise<'missing' | 'loaded' | 'joined'> {
  const own = (await store.sources()).find(({ name }) => name === source)
  if (own?.watermarkMs !== closedMs) return 'missing'
  return own.isWaiting ? 'loaded' : 'joined'
}

/**
 * Takes the bundled sample in as events, through the path that users' events take, as a backfill with a clock of its own.
 * Stopped halfway, it goes on where it was: what was accepted is a duplicate the next time.
 */
export async function loadSample(
  context: Omit<IngestContext, 'source'>,
  report: (done: number, of: number) => void,
): Promise<void> {
  const tables = await readSample()
  const of = kuairandEventCount(tables)
  const take = (records: readonly RawRecord[]) => ingest(records, { ...context, source })
  let [batch, done] = [[] as RawRecord[], 0]
  let storing: Promise<unknown> = Promise.resolve()
  report(0, of)
  const flush = async () => {
    const before = storing
    const size = batch.length
    storing = Promise.all([before, take(batch)]).then(() => {
      done += size
      report(done, of)
    })
    // Seen when it is awaited, a batch later: one is checked while the one before it is stored.
    storing.catch(() => {})
    batch = []
    await before
  }
  for (const event of kuairandEvents(tables)) {
    batch.push({ bytes: new TextEncoder().encode(JSON.stringify(event)), path: '' })
    if (batch.length === batchSize) await flush()
  }
  if (batch.length > 0) await flush()
  await storing
  await context.store.transaction((transaction) => transaction.advance(source, closedMs))
}
