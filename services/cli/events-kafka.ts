import { pino } from 'pino'
import { Fault } from '../../models/spec/fault.ts'
import type { FileRecord } from '../../pipelines/import/import.ts'
import { type Event, eventIdOf, validateEvent } from '../../pipelines/ingest/events.ts'
import { type EventProducer, startEventProducer } from '../adapters/kafka/producer.ts'
import { readKafkaSettings } from '../adapters/kafka/settings.ts'
import { readSettings } from '../standalone/settings.ts'
import type { LineOutcome, SendLines } from './events-send.ts'

/** Lends `work` a way to Kafka, which ends with it. Fault `SETTING_INVALID` without KAFKA_BROKERS. */
export async function toKafka(work: (send: SendLines) => Promise<void>): Promise<void> {
  const settings = readKafkaSettings(process.env)
  if (settings === null) {
    throw new Fault(
      'SETTING_INVALID',
      'KAFKA_BROKERS is not set; it must be host:port, or several with commas between.',
      {
        path: 'KAFKA_BROKERS',
      },
    )
  }
  const log = pino({ level: readSettings(process.env).logLevel }, pino.destination(2))
  const producer = await startEventProducer(settings, log)
  try {
    await work((lines) => produce(lines, producer, Date.now()))
  } finally {
    await producer.close()
  }
}

/** Nobody sets aside what is never sent: a line that is no event is refused, and told with its fault. */
export async function produce(
  lines: readonly FileRecord[],
  producer: Pick<EventProducer, 'send'>,
  nowMs: number,
): Promise<readonly LineOutcome[]> {
  const read = lines.map((line) => ({ line, checked: check(line, nowMs) }))
  await producer.send(
    read.flatMap(({ line, checked }) => ('event' in checked ? [{ event: checked.event, bytes: line.bytes }] : [])),
  )
  return read.map(({ checked }) => ('event' in checked ? { outcome: 'sent', eventId: checked.event.eventId } : checked))
}

function check({ bytes }: FileRecord, nowMs: number): { readonly event: Event } | LineOutcome {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    const message = `Not JSON in UTF-8: ${(error as Error).message}`
    return { outcome: 'refused', eventId: null, code: 'EVENT_JSON_INVALID', path: '', message }
  }
  const validated = validateEvent(value, nowMs)
  if (validated.ok) return { event: validated.event }
  return { outcome: 'refused', eventId: eventIdOf(value), ...validated.fault }
}
