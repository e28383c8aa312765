import type { Position, PositionStore } from '../../pipelines/ingest/ports.ts'
import type { Extent, Offsets } from '../adapters/kafka/offsets.ts'
import { inTurn, keyOf, type Partition } from './partitions.ts'
import { judge } from './steps.ts'
import { kafkaSource, move, stop, type TakeContext } from './take.ts'

export interface LookContext extends TakeContext {
  readonly positions: PositionStore
  readonly offsets: Offsets
  /** All that the group reads. */
  readonly topics: readonly string[]
}

/**
 * Compares where the partitions stand here, in the storage and in Kafka: begins those that wait, follows a position that was
 * set, stops those that cannot be read on, and moves the clocks of those that have nothing more to read.
 */
export async function look(partitions: ReadonlyMap<string, Partition>, context: LookContext): Promise<void> {
  const all = [...partitions.values()]
  if (all.length === 0) return
  // Before the question: what is produced after it may be younger, and is not covered by the answer.
  const atMs = context.nowMs()
  const turns = new Map(all.map((each) => [each, each.pending > 0 ? -1 : each.turns]))
  const extents = await context.offsets.ask(context.topics)
  const stored = await storedPositions(extents, context)
  const idle: Position[] = []
  for (const partition of all) {
    // It was assigned to another since.
    if (partitions.get(keyOf(partition.topic, partition.partition)) !== partition) return
    const extent = extents.get(partition.topic)?.get(partition.partition)
    const position = stored.get(keyOf(partition.topic, partition.partition))
    const isQuiet = partition.pending === 0 && turns.get(partition) === partition.turns
    if (extent !== undefined) partition.end = extent.high
    if (extent === undefined || position === undefined || !isQuiet) continue
    follow(partition, position.nextOffset, extent, context)
    if (partition.state !== 'reading' || extent.high > partition.next) continue
    if (partition.next > partition.stored) {
      await inTurn(partition, async () => void (await move(partition, [], partition.next, context)))
    }
    const { topic, partition: number, stored: nextOffset } = partition
    idle.push({ topic, partition: number, nextOffset, watermarkMs: Math.max(0, atMs - context.latenessMs) })
  }
  if (idle.length > 0) await context.positions.idle(context.group, idle)
}

function follow(partition: Partition, stored: number, extent: Extent, context: TakeContext): void {
  const isDue = partition.state === 'waiting' && performance.now() >= partition.againAtMs
  const isMoved = stored !== partition.stored
  if (partition.state === 'waiting' && !isDue) return
  if (partition.state === 'stopped' && !isMoved) return
  const { topic, partition: number } = partition
  if (isDue || isMoved) Object.assign(partition, { stored, next: stored, suspected: null })
  const fault = judge(topic, number, partition.next, extent)
  if (fault !== null) {
    stop(partition, fault, context)
    return
  }
  if (!isDue && !isMoved) return
  context.reader.seek(partition, partition.next)
  Object.assign(partition, { state: 'reading', fault: null })
  context.reader.resume(partition)
}

/**
 * By key. Partitions that the group has not read before begin at their first record, those of other members too: a source is
 * only as far as the slowest of its partitions, and one that nobody noted would not count.
 */
async function storedPositions(
  extents: ReadonlyMap<string, ReadonlyMap<number, Extent>>,
  { positions, group }: LookContext,
): Promise<ReadonlyMap<string, Position>> {
  const list = async () =>
    new Map((await positions.list(group)).map((each) => [keyOf(each.topic, each.partition), each]))
  const stored = await list()
  const fresh = [...extents].flatMap(([topic, partitions]) =>
    [...partitions].flatMap(([partition, { low }]) =>
      stored.has(keyOf(topic, partition)) ? [] : [{ topic, partition, nextOffset: low, watermarkMs: 0 }],
    ),
  )
  if (fresh.length === 0) return stored
  await positions.begin(group, kafkaSource, fresh)
  return list()
}
