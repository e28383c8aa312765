import { Command } from 'commander'
import { Fault } from '../../models/spec/fault.ts'
import type { Position } from '../../pipelines/ingest/ports.ts'
import type { Extent, Offsets } from '../adapters/kafka/offsets.ts'
import { type KafkaSettings, topicNames } from '../adapters/kafka/settings.ts'
import { readSettings } from '../standalone/settings.ts'
import { textTable } from '../standalone/text-table.ts'
import { neededKafka } from './ingest.ts'

/** One partition, as far as it was read. */
export interface Lag {
  readonly topic: string
  readonly partition: number
  /** Null where it was never read. */
  readonly position: number | null
  /** Null where Kafka has no such partition any more. */
  readonly end: number | null
  readonly records: number | null
  /** RFC 3339; null where nothing was read yet. */
  readonly watermark: string | null
}

const example = (...lines: readonly string[]) => ['', 'Examples:', ...lines.map((line) => `  ${line}`)].join('\n')

/** How far Kafka's topics were read, and setting that. */
export function lagCommand(): Command {
  const lag = new Command('lag')
    .description('how far the events in Kafka were taken in')
    .showHelpAfterError()
    .option('--json', 'answer as JSON, for scripts')
    .addHelpText(
      'after',
      example('polyrank lag', 'polyrank lag --json', 'polyrank lag reset polyrank.feedback 0 --to earliest'),
    )
    .action(({ json }: { json?: boolean }) =>
      withServers(async ({ settings, list, offsets }) => {
        const stored = await list()
        const topics = [...new Set([...topicNames(settings), ...stored.map(({ topic }) => topic)])]
        const lags = lagsOf(stored, await offsets.ask(topics))
        console.log(json === true ? JSON.stringify(lags, null, 2) : tableOf(lags, Date.now()))
      }),
    )
  lag
    .command('reset')
    .argument('<topic>')
    .argument('<partition>')
    .description('say where to go on in one partition; a running service follows within a second')
    .requiredOption('--to <where>', 'earliest, latest, or an offset')
    .addHelpText(
      'after',
      example(
        'polyrank lag reset polyrank.feedback 0 --to earliest    # events that were taken already are duplicates',
        'polyrank lag reset polyrank.feedback 0 --to 1234',
      ),
    )
    .action((topic: string, partition: string, { to }: { to: string }) =>
      withServers(async ({ settings, reset, offsets }) => {
        const extent = (await offsets.ask([topic])).get(topic)?.get(Number(partition))
        const offset = offsetOf(to, topic, partition, extent)
        if (!(await reset(topic, Number(partition), offset))) {
          throw unknownPosition(`"${settings.group}" has no position in partition ${partition} of "${topic}".`)
        }
        console.log(`Partition ${partition} of "${topic}" goes on at ${offset}`)
      }),
    )
  lag
    .command('forget')
    .argument('<topic>')
    .description('let go of where reading stands in a topic that is not read any more, and of its clock')
    .addHelpText('after', example('polyrank lag forget shop.feedback.old'))
    .action((topic: string) =>
      withServers(async ({ settings, forget }) => {
        if (topicNames(settings).includes(topic)) throw stillRead(topic)
        const partitions = await forget(topic)
        if (partitions === 0) throw unknownPosition(`"${settings.group}" has no position in "${topic}".`)
        console.log(`${partitions} partitions of "${topic}" are forgotten`)
      }),
    )
  return lag
}

interface Servers {
  readonly settings: KafkaSettings
  readonly offsets: Offsets
  list(): Promise<readonly Position[]>
  reset(topic: string, partition: number, offset: number): Promise<boolean>
  forget(topic: string): Promise<number>
}

async function withServers(work: (servers: Servers) => Promise<void>): Promise<void> {
  const settings = neededKafka()
  // Loaded when it runs: other commands need none of it.
  const { createKafka } = await import('../adapters/kafka/client.ts')
  const { createOffsets } = await import('../adapters/kafka/offsets.ts')
  const { joinStorage } = await import('../standalone/storage.ts')
  const { positions, close } = joinStorage(readSettings(process.env), () => {})
  const offsets = createOffsets(createKafka(settings, { debug: () => {} }), settings)
  try {
    await work({
      ...{ settings, offsets },
      list: () => positions.list(settings.group),
      reset: (...given) => positions.reset(settings.group, ...given),
      forget: (topic) => positions.forget(settings.group, topic),
    })
  } finally {
    await Promise.all([offsets.close(), close()])
  }
}

/** In the order of topics and partitions: all that Kafka has, and all that was read. */
export function lagsOf(
  stored: readonly Position[],
  extents: ReadonlyMap<string, ReadonlyMap<number, Extent>>,
): readonly Lag[] {
  const found = [...extents].flatMap(([topic, partitions]) =>
    [...partitions.keys()].map((partition) => ({ topic, partition })),
  )
  const is = (a: { topic: string; partition: number }) => (b: typeof a) =>
    a.topic === b.topic && a.partition === b.partition
  const all = [...found, ...stored.filter((each) => !found.some(is(each)))]
  return all
    .toSorted((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
    .map((each) => {
      const position = stored.find(is(each))
      const extent = extents.get(each.topic)?.get(each.partition)
      const from = position?.nextOffset ?? extent?.low
      return {
        topic: each.topic,
        partition: each.partition,
        position: position?.nextOffset ?? null,
        end: extent?.high ?? null,
        records: extent === undefined || from === undefined ? null : Math.max(0, extent.high - from),
        watermark:
          position === undefined || position.watermarkMs === 0 ? null : new Date(position.watermarkMs).toISOString(),
      }
    })
}

/** For people; `nowMs` says how long ago a watermark is. */
export function tableOf(lags: readonly Lag[], nowMs: number): string {
  const text = (value: number | null) => (value === null ? '-' : String(value))
  const rows = lags.map(({ topic, partition, position, end, records, watermark }) => [
    ...[topic, String(partition), text(position), text(end), text(records)],
    watermark === null ? '-' : `${watermark} (${agoOf(nowMs - Date.parse(watermark))} ago)`,
  ])
  return textTable(['topic', 'partition', 'position', 'end', 'lag', 'watermark'], rows, [0, 5])
}

function agoOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} days`
}

const unknownPosition = (what: string): Fault =>
  new Fault('POSITION_UNKNOWN', `${what} \`polyrank lag\` shows those that there are.`, { status: 404 })

const stillRead = (topic: string): Fault =>
  new Fault(
    'POSITION_IN_USE',
    `"${topic}" is read by this configuration; its positions go on being needed. Set KAFKA_TOPIC_... to another topic first.`,
    { status: 409 },
  )

/** Faults `POSITION_UNKNOWN` and `OFFSET_INVALID`. */
export function offsetOf(to: string, topic: string, partition: string, extent: Extent | undefined): number {
  if (extent === undefined) {
    throw unknownPosition(`Kafka has no partition ${partition} of "${topic}".`)
  }
  if (to === 'earliest') return extent.low
  if (to === 'latest') return extent.high
  const offset = /^\d{1,15}$/.test(to) ? Number(to) : Number.NaN
  if (offset >= extent.low && offset <= extent.high) return offset
  throw new Fault(
    'OFFSET_INVALID',
    `--to is ${JSON.stringify(to)}; it must be earliest, latest, or an offset from ${extent.low} to ${extent.high}.`,
    { path: '--to' },
  )
}
