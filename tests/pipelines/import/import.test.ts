import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type FileRecord, type ImportOptions, importRecords } from '../../../pipelines/import/import.ts'
import { createMemoryIngestStore } from '../ingest/memory-store.ts'

const startMs = Date.parse('2020-01-01T00:00:00Z')
const count = 4_500
/** In no order of time; row 4,000 is the newest, and row 17 is no event. */
const recordOf = (row: number): FileRecord => {
  const atMs = startMs + (row === 4_000 ? 1_000_000 : (row * 7_919) % 1_000)
  const event = { type: 'item', eventId: `e${row}`, occurredAt: new Date(atMs).toISOString(), itemId: `i${row}` }
  return { row, bytes: new TextEncoder().encode(row === 17 ? 'broken' : JSON.stringify(event)) }
}
async function* records(rows = count): AsyncGenerator<FileRecord> {
  for (let row = 1; row <= rows; row++) yield recordOf(row)
}
const begin = () => {
  const memory = createMemoryIngestStore()
  const context = { store: memory.store, rankers: ['home'], source: 'past', nowMs: () => startMs + 10_000_000 }
  return {
    memory,
    take: (options: Partial<ImportOptions> = {}, rows?: number) =>
      importRecords(records(rows), context, { file: 'items.csv', ...options }),
  }
}
const kept = ({ memory }: ReturnType<typeof begin>) => {
  const { events, letters, watermarks } = memory.contents()
  return { ids: [...events.keys()].sort(), letters, watermark: watermarks.get('past') }
}

test('a file goes in by batches, bad rows aside, and then its clock stands at its newest event', async () => {
  const whole = begin()
  const reports: number[] = []
  const clocks: (number | undefined)[] = []

  const imported = await whole.take({
    onTaken({ rows }) {
      reports.push(rows)
      clocks.push(kept(whole).watermark)
    },
  })

  const { faults, ...counts } = imported
  assert.deepEqual(counts, { rows: count, accepted: count - 1, duplicate: 0, quarantined: 1, nextRow: null })
  assert.deepEqual(
    faults.map(({ row, code }) => [row, code]),
    [[17, 'EVENT_JSON_INVALID']],
  )
  assert.deepEqual([reports, clocks], [[2_000, 4_000, 4_500], Array(3).fill(undefined)])
  assert.equal(kept(whole).watermark, startMs + 1_000_000)
  assert.equal(kept(whole).ids.length, count - 1)
})

test('a row that was set aside says which row of which file it is', async () => {
  const whole = begin()

  await whole.take()

  assert.deepEqual(
    kept(whole).letters.map(({ origin, payload }) => [origin, new TextDecoder().decode(payload)]),
    [[{ topic: 'import:past:items.csv', partition: 0, offset: 17 }, 'broken']],
  )
})

test('an import that was stopped goes on from the row it names, and ends as one that was not', async () => {
  const [whole, parts] = [begin(), begin()]
  await whole.take()
  let isStopping = false

  const first = await parts.take({
    isStopping: () => isStopping,
    onTaken: () => {
      isStopping = true
    },
  })
  const between = kept(parts)
  const second = await parts.take({ fromRow: first.nextRow! })

  assert.deepEqual([first.nextRow, first.rows, between.watermark], [2_001, 2_000, undefined])
  assert.deepEqual([second.nextRow, second.rows, second.duplicate], [null, 2_500, 0])
  assert.deepEqual(kept(parts), kept(whole))
})

test('the same file once more is all duplicates, and moves nothing', async () => {
  const whole = begin()
  await whole.take()
  const before = kept(whole)

  const again = await whole.take()

  assert.deepEqual([again.accepted, again.duplicate, again.quarantined], [0, count - 1, 1])
  assert.deepEqual([kept(whole).ids, kept(whole).watermark], [before.ids, before.watermark])
})

test('while more files follow the clock stands still; then it stands at the newest event of all of them', async () => {
  const whole = begin()

  await whole.take({ keepOpen: true })
  const between = kept(whole).watermark
  await whole.take({ file: 'other.csv' }, 10)

  assert.deepEqual([between, kept(whole).watermark], [undefined, startMs + 1_000_000])
})

test('a file without a single event sets no clock', async () => {
  const empty = begin()

  const imported = await empty.take({}, 0)

  assert.deepEqual([imported.rows, imported.nextRow, kept(empty).watermark], [0, null, undefined])
})

test('nothing is said to be taken when the storage fails', async () => {
  const memory = createMemoryIngestStore('commit')
  const context = { store: memory.store, rankers: [], source: 'past', nowMs: () => startMs }
  const heard: unknown[] = []

  const failing = importRecords(records(3), context, { file: 'f', onTaken: (counts) => heard.push(counts) })

  await assert.rejects(failing, /broken at commit/)
  assert.deepEqual(heard, [])
})
