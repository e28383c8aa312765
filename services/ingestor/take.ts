import type { EachBatchPayload } from 'kafkajs'
import { Fault } from '../../models/spec/fault.ts'
import { type EventOutcome, ingest } from '../../pipelines/ingest/ingest.ts'
import type { IngestStore } from '../../pipelines/ingest/ports.ts'
import { missingCodecOf } from '../adapters/kafka/codecs.ts'
import type { Extent } from '../adapters/kafka/offsets.ts'
import type { Partition } from './partitions.ts'
import { toRecord } from './records.ts'
import { backOffMs, cut, judge, nextStep, type Span } from './steps.ts'

export const kafkaSource = 'kafka'
/** What one transaction takes at most; a larger record is taken by itself. */
const limit = { records: 2_000, bytes: 8 * 1024 * 1024 }

/** What reads: it hands batches over, and is told where to go on. */
export interface Reader {
  seek(partition: Partition, offset: number): void
  pause(partition: Partition): void
  resume(partition: Partition): void
}

export interface TakeContext {
  readonly store: IngestStore
  readonly rankers: readonly string[]
  readonly group: string
  readonly catalog: string
  readonly latenessMs: number
  /** The group hears so often that this member lives, ms. */
  readonly heartbeatMs: number
  nowMs(): number
  readonly reader: Reader
  /** What a partition holds now; undefined where it is not there. */
  extentOf(topic: string, partition: number): Promise<Extent | undefined>
  say(partition: Partition, fault: Fault): void
  onTaken(outcomes: readonly EventOutcome[]): void
  /** Looks soon at where the partitions stand. */
  lookSoon(): void
}

/** Takes a batch in as far as it goes; throws only what tells the client that it has to join its group anew. */
export async function takeBatch(
  partition: Partition,
  { batch, heartbeat, resolveOffset, commitOffsetsIfNecessary, isRunning, isStale }: EachBatchPayload,
  context: TakeContext,
): Promise<void> {
  const { topic, partition: number } = partition
  const goesOn = () => partition.state === 'reading' && isRunning() && !isStale()
  if (!goesOn()) return
  const last = Number(batch.lastOffset())
  const span = { first: Number(batch.firstOffset() ?? last), next: last + 1 }
  const step = nextStep(partition.next, span, partition.suspected)
  if (step === 'again') return readAgain(partition, span, context)
  if (step === 'check' && !(await isGap(partition, context))) return

  const fresh = batch.messages.filter(({ offset }) => Number(offset) >= partition.next)
  // All that is handed over was taken, and what is not comes by itself.
  if (fresh.length === 0) return readAgain(partition, span, context)
  const codecs = fresh.map(missingCodecOf)
  const unreadable = codecs.findIndex((codec) => codec !== undefined)
  const runs = cut(unreadable === -1 ? fresh : fresh.slice(0, unreadable), limit)
  for (const [i, run] of runs.entries()) {
    if (!goesOn()) return
    const lastOffset = run.at(-1)!.offset
    const next = i === runs.length - 1 && unreadable === -1 ? span.next : Number(lastOffset) + 1
    const records = run.map((message) => {
      const origin = { topic, partition: number, offset: Number(message.offset) }
      return toRecord(message, origin, topic === context.catalog)
    })
    if (!(await beating(move(partition, records, next, context), heartbeat, context.heartbeatMs))) return
    resolveOffset(lastOffset)
    // Kafka's own account of it is for those who watch; where it fails, nothing is lost.
    const committed = [{ topic, partitions: [{ partition: number, offset: String(next) }] }]
    await commitOffsetsIfNecessary({ topics: committed }).catch(() => {})
    await heartbeat()
  }
  if (unreadable !== -1 && goesOn()) stop(partition, codecFault(partition, codecs[unreadable]!), context)
}

/** Stores records and moves the position to `next`, or says why not. True where it did. */
export async function move(
  partition: Partition,
  records: Parameters<typeof ingest>[0],
  next: number,
  context: TakeContext,
): Promise<boolean> {
  const { topic, partition: number, stored } = partition
  const { store, rankers, group, latenessMs, nowMs } = context
  try {
    const outcomes = await ingest(
      records,
      { store, rankers, source: kafkaSource, nowMs },
      { group, topic, partition: number, fromOffset: stored, nextOffset: next, latenessMs },
    )
    Object.assign(partition, { stored: next, next, suspected: null, failures: 0 })
    context.onTaken(outcomes)
    return true
  } catch (error) {
    const fault = error instanceof Fault ? error : unforeseen(error)
    if (fault.code === 'POSITION_MOVED') {
      wait(partition, null, 0, context)
      context.lookSoon()
    } else if (fault.retry) {
      partition.failures++
      wait(partition, fault, backOffMs(partition.failures), context)
    } else stop(partition, fault, context)
    return false
  }
}

/** Reads nothing from the partition until it is looked at again, `inMs` from now or later. */
function wait(partition: Partition, fault: Fault | null, inMs: number, context: TakeContext): void {
  const isNew = fault !== null && fault.code !== partition.fault?.code
  Object.assign(partition, { state: 'waiting', fault, againAtMs: performance.now() + inMs })
  context.reader.pause(partition)
  if (isNew) context.say(partition, fault)
}

export function stop(partition: Partition, fault: Fault, context: TakeContext): void {
  Object.assign(partition, { state: 'stopped', fault })
  context.reader.pause(partition)
  context.say(partition, fault)
}

export function readAgain(partition: Partition, { first }: Span, { reader }: TakeContext): void {
  partition.suspected = first > partition.next ? first : null
  reader.seek(partition, partition.next)
}

/** Whether the records before a batch were never there to be read: then it may be taken. */
export async function isGap(partition: Partition, context: TakeContext): Promise<boolean> {
  const extent = await context.extentOf(partition.topic, partition.partition).catch(() => undefined)
  const fault = extent === undefined ? null : judge(partition.topic, partition.partition, partition.next, extent)
  if (fault !== null) stop(partition, fault, context)
  // Not known: it is asked again when the same batch comes again.
  else if (extent === undefined) context.reader.seek(partition, partition.next)
  return extent !== undefined && fault === null
}

/** Tells the group now and then that this member lives, while `work` lasts. */
async function beating<Result>(
  work: Promise<Result>,
  heartbeat: () => Promise<void>,
  heartbeatMs: number,
): Promise<Result> {
  // Where the group goes on without this member, the position tells so at the end.
  const timer = setInterval(() => void heartbeat().catch(() => {}), heartbeatMs)
  try {
    return await work
  } finally {
    clearInterval(timer)
  }
}

const codecFault = ({ topic, partition, next }: Partition, codec: string): Fault =>
  new Fault(
    'KAFKA_CODEC_MISSING',
    `Partition ${partition} of "${topic}" holds records from ${next} on that are packed by ${codec}, which cannot be read here. Nothing more is read from it. Have its producers send gzip or none, and pass over these by: polyrank lag reset ${topic} ${partition} --to OFFSET.`,
    { details: { topic, partition, codec } },
  )

const unforeseen = (error: unknown): Fault =>
  new Fault('INGEST_FAILED', `Taking events failed: ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  })
