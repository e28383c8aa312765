import { pino } from 'pino'
import type { EventOutcome, RawRecord } from '../../../pipelines/ingest/ingest.ts'
import type { Job } from '../../../pipelines/training/jobs.ts'
import { createApp } from '../../../services/ranker/app.ts'
import type { LiveRankers } from '../../../services/ranker/live-rankers.ts'
import { createMetrics } from '../../../services/ranker/metrics.ts'
import type { App, RankerService } from '../../../services/ranker/service.ts'
import { smallRanker } from '../../flows/small-world.ts'

/** A queued job, changed where a test says so. */
export const aJob = (changes: Partial<Job> = {}): Job => ({
  id: 'job-1',
  kind: 'train',
  payload: { ranker: 'small' },
  state: 'queued',
  attempts: 0,
  progress: null,
  result: null,
  faultCode: null,
  faultMessage: null,
  createdAtMs: 0,
  startedAtMs: null,
  endedAtMs: null,
  ...changes,
})

/** Serves one ranker whose scores are the candidates' places, so that the last is the best. */
export const servingLive: LiveRankers = {
  use: (_ranker, work) =>
    work({
      version: 'v1',
      definitionHash: 'hash',
      definition: smallRanker,
      score: async ({ candidates }) =>
        Float32Array.from({ length: candidates.length * smallRanker.tasks.length }, (_, i) => i / 100),
    }),
  follow: async () => {},
  activate: async (version, reason) => ({ ranker: 'small', version, reason, activatedAtMs: 0 }),
  states: () => [
    { ranker: 'small', definitionHash: 'hash', tasks: ['click', 'watch'], modelVersion: 'v1', fault: null },
  ],
  close: async () => {},
}

const accepted = (records: readonly RawRecord[]): EventOutcome[] =>
  records.map((_, i) => ({ eventId: `e${i}`, outcome: 'accepted' }))

/** A service over nothing that answers every call, changed where a test says so. */
export function fakeService(changes: Partial<RankerService> = {}): RankerService {
  let ids = 0
  return {
    definitions: [smallRanker],
    live: servingLive,
    knowledge: {
      know: async ({ itemIds }) => ({
        user: null,
        userTally: null,
        history: [],
        historyEnd: 0,
        items: new Map(itemIds.map((itemId) => [itemId, { version: 1, features: {} }])),
        itemTallies: new Map(),
        userItemTallies: new Map(),
      }),
    },
    slateLog: { append: async () => {} },
    ingest: async (records) => accepted(records),
    ledger: { trail: async () => null, received: async () => [] },
    deadLetters: { list: async () => [], countOpen: async () => 0, find: async () => null },
    replay: async () => ({ outcome: 'unknown' }),
    drop: async () => false,
    jobs: {
      enqueue: async () => aJob(),
      lease: async () => null,
      renew: async () => false,
      complete: async () => {},
      fail: async () => {},
      release: async () => {},
      cancel: async () => null,
      find: async () => null,
      list: async () => [],
    },
    registry: {
      publish: async () => {},
      find: async () => null,
      list: async () => [],
      activate: async () => {},
      active: async () => null,
    },
    lineage: {
      count: async () => ({ users: 0, slates: 0, examples: 0, bySource: [], byDay: [] }),
      slates: async () => ({ slates: [], next: null }),
    },
    metrics: createMetrics(),
    warnings: () => [],
    isStopping: () => false,
    nowMs: () => 1_700_000_000_000,
    newId: () => `id-${ids++}`,
    ...changes,
  }
}

export interface TestApp {
  readonly app: App
  /** What was logged, an object a line. */
  readonly logged: readonly Record<string, unknown>[]
}

/** The interface over a fake service, without a socket. */
export async function testApp(changes: Partial<RankerService> = {}): Promise<TestApp> {
  const logged: Record<string, unknown>[] = []
  const logger = pino({ level: 'info' }, { write: (line) => void logged.push(JSON.parse(line)) })
  const app = await createApp(fakeService(changes), logger)
  await app.ready()
  return { app, logged }
}
