import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { importCommand } from '../../../services/cli/import.ts'
import { openStorage } from '../../../services/standalone/storage.ts'
import { run } from './command-line.ts'

const folder = mkdtempSync(join(tmpdir(), 'polyrank-import-'))
const before = { ...process.env }
process.env = { ...before, POLYRANK_DATA: join(folder, 'data'), DATABASE_URL: '' }
after(() => {
  process.env = before
  rmSync(folder, { recursive: true })
})

const count = 2_100
const bad = [17, 2_050]
const file = join(folder, 'ratings.csv')
/** In no order of time; the newest is in the middle. */
const secondsAt = (row: number) => 1_600_000_000 + ((row * 7_919) % 10_007)
const newestMs = Math.max(...Array.from({ length: count }, (_, i) => secondsAt(i + 1))) * 1_000
writeFileSync(
  file,
  `user,movie,rating,ts\n${Array.from({ length: count }, (_, i) =>
    [`u${i % 9}`, `"m, ${i % 7}"`, bad.includes(i + 1) ? 'good' : (i % 5) + 1, secondsAt(i + 1)].join(','),
  ).join('\n')}`,
)
const maps = ['user=userId', 'movie=itemId', 'rating=value', 'ts=occurredAt'].flatMap((pair) => ['--map', pair])
const words = [file, '--type', 'feedback', ...maps, '--set', 'kind=rating', '--time-unit', 's']
const take = (t: TestContext, ...more: string[]) => run(t, importCommand(), ...words, ...more)
const fail = (fault: Error) => {
  throw fault
}
const opened = () => openStorage({ databaseUrl: null, dataFolder: process.env.POLYRANK_DATA! }, fail, fail)

test('a file of ratings goes in with its bad rows set aside, and once more changes nothing', async (t) => {
  const first = await take(t, '--source', 'twice')
  const storage = await opened()
  try {
    // Beside the service that has the storage now.
    const second = await take(t, '--source', 'twice', '--json')

    assert.deepEqual(first.output.split('\n'), [
      'row 17: EVENT_FIELD_INVALID at /value: The value at /value must be number.',
      'row 2050: EVENT_FIELD_INVALID at /value: The value at /value must be number.',
      '2100 rows into "twice": 2098 accepted, 0 duplicate, 2 quarantined',
      '',
    ])
    const { accepted, duplicate, quarantined } = JSON.parse(second.output)
    assert.deepEqual([accepted, duplicate, quarantined], [0, 2_098, 2])
    assert.deepEqual([first.code, second.code], [1, 1])
    assert.match(first.errors, /^Importing/)

    const letters = await storage.deadLetters.list(null)
    assert.deepEqual(
      letters.map(({ source, topic, offset, eventId }) => [source, topic, offset, eventId]),
      bad.toReversed().map((row) => ['twice', 'import:twice:ratings.csv', row, `twice-feedback-${row}`]),
    )
    const payload = Buffer.from((await storage.deadLetters.find(letters[0]!.id))!.payload).toString('utf8')
    assert.deepEqual([JSON.parse(payload).value, JSON.parse(payload).itemId], ['good', `m, ${2_049 % 7}`])
    const [source] = (await storage.join.sources()).filter(({ name }) => name === 'twice')
    assert.equal(source?.watermarkMs, newestMs)
  } finally {
    await storage.close()
  }
})

test('an import that was interrupted says how to go on, and then ends as one that was not', async (t) => {
  // Comes while the first rows are taken.
  const interrupted = take(t, '--source', 'parts')
  const signal = setInterval(() => process.listenerCount('SIGINT') > 0 && process.emit('SIGINT'), 1)
  const first = await interrupted.finally(() => clearInterval(signal))
  const next = /--from-row (\d+)$/m.exec(first.output)?.[1]
  const second = await take(t, '--source', 'parts', ...(next === undefined ? [] : ['--from-row', next]))

  const storage = await opened()
  try {
    assert.equal(first.code, 130)
    assert.match(first.output, /Stopped\. The same command goes on/)
    assert.equal(second.code, 1)
    const [source] = (await storage.join.sources()).filter(({ name }) => name === 'parts')
    assert.equal(source?.watermarkMs, newestMs)
    const trails = await Promise.all([1, count].map((row) => storage.ledger.trail(`parts-feedback-${row}`)))
    assert.deepEqual(
      trails.map((trail) => trail?.state),
      ['pending', 'pending'],
    )
    const letters = (await storage.deadLetters.list(null)).filter(({ source: from }) => from === 'parts')
    assert.equal(letters.length, 2)
  } finally {
    await storage.close()
  }
})

test('what makes no sense is refused before any storage is opened', async (t) => {
  const csv = ['--source', 's', '--type', 'item']
  for (const [code, ...given] of [
    ['ARGUMENT_INVALID', file, '--source', 'rest', '--type', 'item'],
    ['ARGUMENT_INVALID', file, '--source', 'a b', '--type', 'item'],
    ['ARGUMENT_INVALID', file, '--source', 's'],
    ['ARGUMENT_INVALID', file, ...csv, '--from-row', '0'],
    ['ARGUMENT_INVALID', 'events.txt', ...csv],
    ['ARGUMENT_INVALID', 'events.ndjson', ...csv],
    ['IMPORT_MAPPING_INVALID', file, ...csv, '--map', 'user=nothing'],
    ['FILE_UNREADABLE', join(folder, 'none.csv'), ...csv],
  ] as const)
    await assert.rejects(run(t, importCommand(), ...given), { code }, given.join(' '))
})
