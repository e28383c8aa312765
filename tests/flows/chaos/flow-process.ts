/**
 * One ingestor and one join in a process of its own, which ends by SIGKILL at a step. Environment: DATABASE_URL and the
 * settings of Kafka; CHAOS_STEP is a step of `steps.ts`, CHAOS_COUNT which occurrence of it (1 is the first), or, without a
 * step, of any. Every step is printed before it is taken, so that a run shows which there are.
 */
import { writeSync } from 'node:fs'
import { pino } from 'pino'
import { join as joinEvents } from '../../../pipelines/join/join.ts'
import { readKafkaSettings } from '../../../services/adapters/kafka/settings.ts'
import { startIngestor } from '../../../services/ingestor/ingestor.ts'
import { repeat } from '../../../services/standalone/background.ts'
import { readSettings } from '../../../services/standalone/settings.ts'
import { joinStorage } from '../../../services/standalone/storage.ts'
import { smallRanker } from '../small-world.ts'
import { watched } from './steps.ts'

const { CHAOS_STEP, CHAOS_COUNT = '1' } = process.env
let left = Number(CHAOS_COUNT)
const latenessMs = 1_000

function onStep(step: string): void {
  // Written at once: nothing that is buffered outlives the signal.
  writeSync(1, `${step}\n`)
  if (CHAOS_STEP === undefined && process.env.CHAOS_COUNT === undefined) return
  if ((CHAOS_STEP === undefined || CHAOS_STEP === step) && --left === 0) process.kill(process.pid, 'SIGKILL')
}

const log = pino({ level: process.env.LOG_LEVEL ?? 'warn' }, pino.destination(2))
const report = (error: unknown) => log.error({ err: error }, (error as Error).message)
const storage = joinStorage(readSettings(process.env), report)
await startIngestor({
  kafka: readKafkaSettings(process.env)!,
  store: watched(storage.ingest, 'ingest', onStep),
  positions: storage.positions,
  rankers: [smallRanker.name],
  latenessMs,
  nowMs: Date.now,
  log,
})
const context = {
  store: { ...storage.join, ...watched(storage.join, 'join', onStep) },
  rankers: [smallRanker],
  latenessMs,
  nowMs: Date.now,
}
repeat(100, () => joinEvents(context), report)
