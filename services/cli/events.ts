import { setTimeout as wait } from 'node:timers/promises'
import { Command, Option } from 'commander'
import type { ReceivedBody, TrailBody } from '../ranker/routes/events.ts'
import { type SendLines, sendFile, toService } from './events-send.ts'
import { call, examples, type ServiceOptions, serviceCommand } from './service-client.ts'

const lookAgainMs = 500
const defaultLimit = '20'

/** Events of a running service, through its HTTP interface or Kafka. */
export function eventsCommand(): Command {
  const events = new Command('events')
    .description('send events, and see what becomes of them')
    .showHelpAfterError()
    .addHelpText('after', examples('polyrank events send clicks.ndjson', 'polyrank events tail --follow'))
  const command = serviceCommand(events)
  command(
    'send <file>',
    'send a file of events, one a line (`-`: the standard input); exits 1 where some were not taken',
    'polyrank events send clicks.ndjson',
    'zcat clicks.ndjson.gz | polyrank events send -',
    'KAFKA_BROKERS=broker:9092 polyrank events send clicks.ndjson --kafka',
  )
    .option('--kafka', "to Kafka's topics in place of the service; each event is checked first")
    .action(async (file: string, options: ServiceOptions & { kafka?: true }) => {
      if (options.kafka === true) await throughKafka((send) => sendFile(file, send, options))
      else await sendFile(file, toService(options), options)
    })
  command(
    'show <id>',
    'what became of an event',
    'polyrank events show EVENT_ID',
    'polyrank events show EVENT_ID --json',
  ).action(async (id: string, options: ServiceOptions) => {
    const trail = await call<TrailBody>(options, `/v1/events/${encodeURIComponent(id)}`)
    console.log(options.json === true ? JSON.stringify(trail, null, 2) : trailLines(trail).join('\n'))
  })
  command(
    'tail',
    'the newest accepted events, one a line',
    'polyrank events tail',
    'polyrank events tail --follow --json | jq .event.itemId',
  )
    .option('--follow', 'go on with those that come, until Ctrl-C')
    .addOption(new Option('--limit <count>', 'how many to begin with').default(defaultLimit))
    .action((options: ServiceOptions & { follow?: true; limit: string }) => tail(options))
  return events
}

async function tail(options: ServiceOptions & { follow?: true; limit: string }): Promise<void> {
  let query = `limit=${encodeURIComponent(options.limit)}`
  for (;;) {
    const { events, next } = await call<ReceivedBody>(options, `/v1/events?${query}`)
    for (const each of events) {
      const { receivedAt, source, event } = each
      console.log(options.json === true ? JSON.stringify(each) : `${receivedAt}  ${source}  ${JSON.stringify(event)}`)
    }
    if (options.follow !== true) return
    query = `limit=1000&after=${encodeURIComponent(next)}`
    if (events.length === 0) await wait(lookAgainMs)
  }
}

function trailLines({ eventId, state, type, source, receivedAt, ...rest }: TrailBody): string[] {
  const { slateId, examples: inExamples = [], modelVersions = [], deadLetter } = rest
  return [
    `${eventId}  ${state}  ${[type, `from ${source}`, `received ${receivedAt}`].filter(Boolean).join(', ')}`,
    ...(slateId === undefined || slateId === null ? [] : [`  slate ${slateId}`]),
    ...(inExamples.length === 0 ? [] : [`  examples of ${inExamples.map(({ itemId }) => itemId).join(', ')}`]),
    ...(modelVersions.length === 0 ? [] : [`  learnt by ${modelVersions.join(', ')}`]),
    ...(deadLetter === undefined
      ? []
      : [
          `  dead letter ${deadLetter.id}: ${deadLetter.code} at ${deadLetter.path || 'the top'}: ${deadLetter.message}`,
          `  polyrank dead-letters edit ${deadLetter.id}`,
        ]),
  ]
}

async function throughKafka(work: (send: SendLines) => Promise<void>): Promise<void> {
  // Loaded when it is asked for: other commands need no client of Kafka.
  const { toKafka } = await import('./events-kafka.ts')
  await toKafka(work)
}
