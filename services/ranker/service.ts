import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, RawServerDefault } from 'fastify'
import type { Logger } from 'pino'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { EventOutcome, RawRecord, ReplayOutcome } from '../../pipelines/ingest/ingest.ts'
import type { DeadLetters, EventLedger } from '../../pipelines/ingest/ports.ts'
import type { VersionRegistry } from '../../pipelines/promotion/ports.ts'
import type { KnowledgeStore, SlateLog } from '../../pipelines/ranking/ports.ts'
import type { LineageStore } from '../../pipelines/retention/ports.ts'
import type { JobQueue } from '../../pipelines/training/jobs.ts'
import type { LiveRankers } from './live-rankers.ts'
import type { Metrics } from './metrics.ts'

/** What the routes are built over. */
export interface RankerService {
  readonly definitions: readonly RankerDefinition[]
  readonly live: LiveRankers
  readonly knowledge: KnowledgeStore
  readonly slateLog: SlateLog
  ingest(records: readonly RawRecord[]): Promise<readonly EventOutcome[]>
  readonly ledger: EventLedger
  readonly deadLetters: DeadLetters
  /** Takes an open dead letter once more, with `payload` in place of its own where one is given. */
  replay(letter: number, payload: Uint8Array | null): Promise<ReplayOutcome>
  /** Ends an open dead letter; false where there is none. */
  drop(letter: number): Promise<boolean>
  readonly jobs: JobQueue
  readonly registry: VersionRegistry
  readonly lineage: LineageStore
  readonly metrics: Metrics
  /** What somebody has to look at, though ranking goes on: events that are not taken in. */
  warnings(): readonly string[]
  /** True once the process was asked to stop: not ready, and still answering. */
  isStopping(): boolean
  nowMs(): number
  newId(): string
}

/** The server that routes are added to. */
export type App = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, Logger, TypeBoxTypeProvider>
