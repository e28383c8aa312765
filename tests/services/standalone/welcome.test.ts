import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Candidate, SlateExamples } from '../../../models/spec/slate.ts'
import { validateEvent } from '../../../pipelines/ingest/events.ts'
import type { ExampleSource } from '../../../pipelines/training/ports.ts'
import { linesToCopy, metricsTable, someIds } from '../../../services/standalone/welcome.ts'

const now = new Date('2026-01-31T08:00:00.000Z')
const ids = { userId: 'u1', itemIds: ['i1', 'i2'] }

/** What a shell makes of lines: the arguments of each `curl`. */
function argumentsIn(shell: string, lines: string): string[][] {
  const separator = '<end of argument>'
  const script = `curl() { printf '%s${separator}' "$@"; printf '\\n'; }\n${lines.replaceAll(/^[A-Z].*:$/gm, '')}`
  const { status, stdout, stderr } = spawnSync(shell, ['-c', script], { encoding: 'utf8' })
  assert.equal(status, 0, `${stderr}\n${script}`)
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(separator).slice(0, -1))
}

test('metrics are a table of fixed digits, aligned, with a sign for what could not be measured', () => {
  const metrics = {
    click: {
      examples: 1_000,
      positives: 250,
      auc: 0.75,
      gauc: 0.6,
      normalizedEntropy: 0.9,
      calibrationError: 0.012345,
    },
    watch: { examples: 40 },
    like: { examples: 40, positives: 0, auc: Number.NaN, gauc: Number.NaN },
  }

  assert.deepEqual(metricsTable(metrics, ['click', 'watch', 'like', 'gone']).split('\n'), [
    'task   examples  positives     AUC       ±    GAUC  norm. entropy  calibration error',
    'click      1000        250  0.7500  0.0193  0.6000         0.9000             0.0123',
    'watch        40          -       -       -       -              -                  -',
    'like         40          0       -       -       -              -                  -',
    'gone          0          -       -       -       -              -                  -',
  ])
})

test('the lines rank, send feedback and train, in this order', () => {
  const lines = linesToCopy('http://127.0.0.1:8080', ids, 'click', now)

  const calls = argumentsIn('sh', lines).map(([, url, , , , body]) => [url, JSON.parse(body!)])

  assert.deepEqual(calls, [
    [
      'http://127.0.0.1:8080/v1/rank',
      { userId: 'u1', context: { hour: '20' }, candidates: [{ itemId: 'i1' }, { itemId: 'i2' }], limit: 3 },
    ],
    [
      'http://127.0.0.1:8080/v1/events',
      {
        type: 'feedback',
        eventId: 'try-1769846400000',
        occurredAt: '2026-01-31T08:00:00.000Z',
        userId: 'u1',
        itemId: 'i1',
        kind: 'click',
      },
    ],
    ['http://127.0.0.1:8080/v1/jobs', { kind: 'train' }],
  ])
  assert.equal(validateEvent(calls[1]![1], now.getTime()).ok, true)
})

test('the lines are whole in a shell whatever ids and addresses hold', () => {
  const odd = fc.oneof(
    fc.string({ minLength: 1, maxLength: 12 }),
    fc.constantFrom(`it's`, '"', '$HOME', '`id`', '\\', '!!', "';rm", 'a\nb', '$(id)', '*', 'ä ö', "'''", '%s'),
  )
  const checked = fc.tuple(odd, fc.array(odd, { minLength: 1, maxLength: 3 }), odd)
  fc.assert(
    fc.property(checked, ([userId, itemIds, kind]) => {
      const [rank, feedback] = argumentsIn('sh', linesToCopy('http://[::1]:8080', { userId, itemIds }, kind, now))

      assert.equal(rank![1], 'http://[::1]:8080/v1/rank')
      const { userId: asked, candidates } = JSON.parse(rank!.at(-1)!)
      assert.deepEqual([asked, candidates], [userId, itemIds.map((itemId) => ({ itemId }))])
      const sent = JSON.parse(feedback!.at(-1)!)
      assert.deepEqual([sent.userId, sent.itemId, sent.kind], [userId, itemIds[0], kind])
    }),
    { numRuns: 60 },
  )
})

const candidate = (itemId: string, isKnown: boolean): Candidate => ({
  itemId,
  features: {},
  tally: isKnown ? { impressions: 1, feedback: {}, lastImpressionAtMs: 0 } : null,
  userItemTally: null,
})
const slate = (userId: string, candidates: readonly Candidate[]): SlateExamples => ({
  slateId: userId,
  input: { userId, occurredAtMs: 0, user: {}, context: {}, history: [], userTally: null, candidates },
  impressions: [],
  watermarkMs: 0,
})
const sourceOf = (
  ...pages: readonly (readonly SlateExamples[])[]
): ExampleSource & { readonly readings: number[][] } => {
  const readings: number[][] = []
  return {
    readings,
    range: async () => (pages.length === 0 ? null : { fromMs: 0, toMs: 100_000_000, impressions: 1 }),
    async *read(_ranker, { fromMs, toMs }) {
      readings.push([fromMs, toMs])
      yield* pages
    },
  }
}

test('the ids to try are the newest user, and the last items that were shown before', async () => {
  const known = ['a', 'b', 'c', 'd', 'e', 'f'].map((itemId) => candidate(itemId, true))
  const source = sourceOf([slate('u1', known)], [slate('u2', [candidate('new', false), candidate('a', true)])])

  assert.deepEqual(await someIds(source, 'home'), { userId: 'u2', itemIds: ['b', 'c', 'd', 'e', 'f'] })
  assert.deepEqual(source.readings, [[100_000_000 - 6 * 3_600_000, 100_000_000]])
})

test('without examples the ids to try are made up', async () => {
  const madeUp = { userId: 'u1', itemIds: ['i1', 'i2', 'i3'] }

  assert.deepEqual(await someIds(sourceOf(), 'home'), madeUp)
  assert.deepEqual(await someIds(sourceOf([slate('u9', [candidate('new', false)])]), 'home'), {
    ...madeUp,
    userId: 'u9',
  })
})
