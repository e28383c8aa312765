import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { after, before, test } from 'node:test'
import { type IngestContext, ingest } from '../../../pipelines/ingest/ingest.ts'
import { join } from '../../../pipelines/join/join.ts'
import { retentionCommand } from '../../../services/cli/retention.ts'
import { usersCommand } from '../../../services/cli/users.ts'
import { openStorage, type Storage } from '../../../services/standalone/storage.ts'
import { click, dayMs, item, keepsAll, slate } from '../../contracts/kept.ts'
import { record, startMs } from '../../contracts/sent.ts'
import { versionOf } from '../../contracts/versions.ts'
import { run } from './command-line.ts'

/** A service that has the data folder; the commands work beside it. */
let storage: Storage
const dataFolder = mkdtempSync(joinPath(tmpdir(), 'polyrank-'))
const environment = { ...process.env }

before(async () => {
  const fail = (fault: Error) => {
    throw fault
  }
  storage = await openStorage({ databaseUrl: null, dataFolder }, fail, fail)
  process.env = { ...environment, POLYRANK_DATA: dataFolder, DATABASE_URL: '' }
})
after(async () => {
  process.env = environment
  await storage.close()
  rmSync(dataFolder, { recursive: true })
})

async function take(receivedAtMs: number, ...events: readonly object[]): Promise<void> {
  const context: IngestContext = {
    store: storage.ingest,
    rankers: [keepsAll.name],
    source: 'past',
    nowMs: () => receivedAtMs,
  }
  await ingest(events.map(record), context)
  await storage.ingest.transaction((transaction) => transaction.advance('past', startMs + dayMs))
  await join({ store: storage.join, rankers: [keepsAll], latenessMs: 0, nowMs: () => startMs + dayMs })
}

/** Cells of a printed table by the name of its row. */
const rowsOf = (output: string) =>
  Object.fromEntries(
    output.split('\n').flatMap((line) => {
      const [name, rows, oldest] = line.trim().split(/ {2,}/)
      return rows === undefined ? [] : [[name!, oldest === undefined ? rows : `${rows} ${oldest}`]]
    }),
  )

test('retention says what would go, changes nothing, and does it with --yes', async (t) => {
  await take(startMs, item('old', 0))
  await take(Date.now(), item('new', 1))

  const dry = await run(t, retentionCommand(), 'apply')
  const untouched = await storage.ledger.trail('old')
  const json = await run(t, retentionCommand(), 'apply', '--json')
  const done = await run(t, retentionCommand(), 'apply', '--yes')
  const again = await run(t, retentionCommand(), 'apply', '--json')

  assert.equal(rowsOf(dry.output).table, 'would go oldest that stays')
  assert.match(rowsOf(dry.output).event_bodies!, /^1 \d{4}-/)
  assert.match(dry.output, /Nothing was changed\. Go on with: polyrank retention apply --yes/)
  assert.equal(untouched?.state, 'joined')
  assert.deepEqual(JSON.parse(json.output)[1].rows, 1)
  assert.match(done.output, /^table +went +oldest that stays$/m)
  assert.deepEqual([await storage.ledger.trail('old'), (await storage.ledger.trail('new'))?.state], [null, 'joined'])
  assert.ok(JSON.parse(again.output).every(({ rows }: { rows: number }) => rows === 0))
})

test('erasing a user says what there is, and with --yes takes it away and queues trainings without', async (t) => {
  await take(Date.now(), slate('s1', 10, 'erased'), click('c1', 11, 's1', 'erased'), slate('s2', 12, 'stays'))
  const learnt = { trainedFromMs: startMs, trainedToMs: startMs + dayMs }
  const before = { trainedFromMs: startMs - dayMs, trainedToMs: startMs, createdAtMs: startMs - 1 }
  await storage.registry.publish(versionOf('v0', before, keepsAll))
  await storage.registry.publish(versionOf('v1', learnt, keepsAll))

  const dry = await run(t, usersCommand(), 'erase', 'erased')
  const untouched = await storage.ledger.trail('c1')
  const done = await run(t, usersCommand(), 'erase', 'erased', '--yes', '--retrain', '--json')

  const [job] = await storage.jobs.list()
  assert.deepEqual(rowsOf(dry.output), {
    table: 'would go',
    events: '2',
    examples: '2',
    slates: '1',
    history: '1',
    tallies: '3',
    catalog_versions: '0',
    dead_letters: '0',
  })
  assert.match(dry.output, /^Version v1 of "keeps" may have learnt them\.$/m)
  assert.match(dry.output, /Nothing was changed/)
  assert.equal(untouched?.state, 'joined')
  const answer = JSON.parse(done.output)
  assert.deepEqual(answer.versions, [{ version: 'v1', ranker: 'keeps' }])
  assert.deepEqual(
    [answer.queuedJobs, job!.payload],
    [[{ id: job!.id, ranker: 'keeps', from: 'v0' }], { ranker: 'keeps', from: 'v0' }],
  )
  assert.equal(await storage.ledger.trail('c1'), null)
  assert.equal((await storage.ledger.trail('s2-event'))?.state, 'joined')
})

test('people read which version each training starts from, or that it starts anew', async (t) => {
  await take(Date.now(), slate('s3', -10, 'early'), click('c3', -9, 's3', 'early'))

  const later = await run(t, usersCommand(), 'erase', 'stays', '--yes', '--retrain')
  const early = await run(t, usersCommand(), 'erase', 'early', '--yes', '--retrain')

  assert.match(later.output, /^Training \S+ of "keeps" is queued; it starts from v0, the last version before\.$/m)
  assert.match(early.output, /^Training \S+ of "keeps" is queued; it starts anew\.$/m)
})

test('a training that is under way is named, as it may have read what is erased', async (t) => {
  const job = await storage.jobs.lease('worker', 60_000)

  const { output } = await run(t, usersCommand(), 'erase', 'nobody', '--yes')

  assert.match(output, new RegExp(`Training ${job!.id} is under way .*polyrank jobs cancel ${job!.id}`))
})
