/**
 * What it costs to take events in, beside the least that it could cost on the same servers, in one run. Needs servers:
 *
 *     npm run test:servers -- --run "npm run bench:events"
 */
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { migrate } from '../../../services/adapters/postgres/migrate.ts'
import { createPool, type Pool } from '../../../services/adapters/postgres/pool.ts'
import { openEmbedded } from '../../contracts/databases.ts'
import { median } from '../comparison.ts'
import { describeMachine } from '../machine.ts'
import { bareConsume, bareInsert, fromKafka, overRest, produce, rateOf, type Topics, takeAndJoin } from './flows.ts'
import { visibleAfterMs } from './freshness.ts'
import { eventsOfSlate, type Line, linesOf, spacingMs } from './input.ts'

const { values } = parseArgs({
  options: {
    slates: { type: 'string', default: '40000' },
    rounds: { type: 'string', default: '3' },
    /** Slates of the longest ledger that the slope is measured on. */
    slope: { type: 'string', default: '1000000' },
    backlog: { type: 'string', default: '400000' },
    only: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
  },
})
const [slates, rounds, slopeSlates, backlogSlates] = [values.slates, values.rounds, values.slope, values.backlog].map(
  Number,
) as [number, number, number, number]
const databaseUrl = process.env.TEST_DATABASE_URL
const brokers = process.env.TEST_KAFKA_BROKERS
if (databaseUrl === undefined || brokers === undefined) {
  console.error('There are no servers: npm run test:servers -- --run "npm run bench:events"')
  process.exit(2)
}

const ignore = () => {}
const said: string[] = []
const say = (line = '') => {
  console.log(line)
  said.push(line)
}
const isWanted = (part: string) => part.startsWith(values.only)
const startMs = Date.now() - 2 * 86_400_000
const perSecond = (rate: number) => Math.round(rate).toLocaleString('en')

/** Work on an empty database; `onWritten` hears how many rows it wrote, changed and deleted. */
async function withSchema<Result>(
  work: (pool: Pool) => Promise<Result>,
  onWritten: (rows: number) => void = ignore,
): Promise<Result> {
  const schema = `bench_${randomUUID().replaceAll('-', '')}`
  const owner = createPool({ connectionString: databaseUrl, max: 1 }, ignore)
  await owner.query(`create schema ${schema}`)
  const pool = createPool({ connectionString: databaseUrl, options: `-c search_path=${schema}` }, ignore)
  const ofPool = async () => {
    try {
      await migrate(pool)
      return await work(pool)
    } finally {
      await pool.close()
    }
  }
  try {
    const result = await ofPool()
    // Connections have said what they did when they ended.
    const { rows } = await owner.query<{ written: number }>(
      `select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint as written from pg_stat_user_tables
       where schemaname = $1`,
      [schema],
    )
    onWritten(rows[0]!.written)
    return result
  } finally {
    await owner.query(`drop schema ${schema} cascade`)
    await owner.close()
  }
}

const linesOnce = (name: string, count = slates): readonly Line[] => [...linesOf(count, name, startMs)]

/** A line of the table: rates of both, round by round, and the median of their ratios. */
function report(what: string, ours: readonly number[], limits: readonly number[]): void {
  const ratio = median(ours.map((rate, i) => rate / limits[i]!))
  say(`| ${what} | ${perSecond(median(ours))} | ${perSecond(median(limits))} | ${(100 * ratio).toFixed(0)} % |`)
}

async function shares(): Promise<void> {
  const events = slates * eventsOfSlate
  say(`Events taken, joined and committed a second, ${perSecond(events)} events, ${rounds} rounds in turn, medians.\n`)
  say('| from | polyrank | the least it could cost | share |')
  say('| --- | --- | --- | --- |')
  const topics: Topics = { brokers: brokers!, prefix: `bench-${randomUUID().slice(0, 8)}` }
  await produce(topics, linesOnce('kafka'))
  const rates = {
    kafka: [] as number[],
    consume: [] as number[],
    insert: [] as number[],
    rest: [] as number[],
    embedded: [] as number[],
    embeddedInsert: [] as number[],
  }
  const written: number[] = []
  for (let round = 0; round < rounds; round++) {
    const lines = linesOnce(`round-${round}`)
    rates.consume.push(await rateOf(events, () => bareConsume(topics, events)))
    await withSchema(async (pool) => rates.insert.push(await rateOf(events, () => bareInsert(pool, lines))))
    await withSchema(
      async (pool) => rates.kafka.push(await rateOf(events, () => fromKafka(pool, topics, events))),
      (rows) => written.push(rows / events),
    )
    await withSchema(async (pool) => rates.rest.push(await rateOf(events, () => overRest(pool, lines))))
    const { pool, close } = await openEmbedded()
    rates.embeddedInsert.push(await rateOf(events, () => bareInsert(pool, lines)))
    rates.embedded.push(await rateOf(events, () => takeAndJoin(pool, lines, 'bench')))
    await close()
  }
  const slower = rates.consume.map((rate, i) => Math.min(rate, rates.insert[i]!))
  report('Kafka, beside the slower of a bare consumer and a bare batched insert', rates.kafka, slower)
  report('REST, newline-delimited, beside a bare batched insert', rates.rest, rates.insert)
  report(
    'a backfill on the embedded database, beside a bare batched insert there',
    rates.embedded,
    rates.embeddedInsert,
  )
  say(
    `\nThe bare insert writes one row an event, in no index. polyrank writes, changes and deletes ${median(written).toFixed(1)}, each in the indexes of its table: the ledger, what the event says, its place in the queue of the join and out of it, slates and their examples, counts, history. Both sides share two cores with the servers.\n`,
  )
}

async function slope(): Promise<void> {
  const piece = 20_000
  say(
    `Cost of an event by how many are stored (a backfill on PostgreSQL, in pieces of ${perSecond(piece * eventsOfSlate)}).\n`,
  )
  say('| stored before | microseconds an event | beside the first |')
  say('| --- | --- | --- |')
  await withSchema(async (pool) => {
    const take = async (from: number) => {
      const lines = [...linesOf(piece, `slope-${from}`, startMs - 86_400_000 + from * spacingMs, from)]
      return 1e6 / (await rateOf(lines.length, () => takeAndJoin(pool, lines, 'slope')))
    }
    // The pool's connections and the first partitions are made, and caches filled.
    await take(0)
    const costs: number[] = []
    for (let from = piece; from <= slopeSlates; from += piece) {
      costs.push(await take(from))
      console.error(`${perSecond(from * eventsOfSlate)} stored: ${costs.at(-1)!.toFixed(0)} microseconds an event`)
      // A mean of five pieces, since one is noisy.
      if (costs.length % 5 !== 0) continue
      const mean = (some: readonly number[]) => some.reduce((sum, cost) => sum + cost, 0) / some.length
      const [latest, first] = [mean(costs.slice(-5)), mean(costs.slice(0, 5))]
      const stored = (from - 4 * piece) * eventsOfSlate
      if (costs.length % 10 === 5)
        say(`| ${perSecond(stored)} | ${latest.toFixed(0)} | ${(latest / first).toFixed(2)} |`)
    }
  })
  say()
}

async function backlog(): Promise<void> {
  const events = backlogSlates * eventsOfSlate
  const topics: Topics = { brokers: brokers!, prefix: `bench-${randomUUID().slice(0, 8)}` }
  await produce(topics, linesOf(backlogSlates, 'backlog', startMs))
  const sizes: number[] = []
  const seconds = await withSchema(async (pool) => {
    const start = performance.now()
    await fromKafka(pool, topics, events, () => sizes.push(process.memoryUsage.rss() / 2 ** 20))
    return (performance.now() - start) / 1_000
  })
  const early = sizes.slice(Math.floor(sizes.length / 10), Math.ceil(sizes.length / 5))
  const [most, before] = [Math.max(...sizes.slice(Math.ceil(sizes.length / 5))), Math.max(...early)]
  say(
    `A backlog of ${perSecond(events)} events drained in ${seconds.toFixed(0)} s, ${perSecond(events / seconds)} a second; resident memory at most ${most.toFixed(0)} MB, ${(most / before).toFixed(2)} of the most in its second tenth.\n`,
  )
}

async function freshness(): Promise<void> {
  const { half, p50, p99, count } = await withSchema((pool) => visibleAfterMs(pool, brokers!))
  say(
    `At half of that load (${perSecond(half)} events a second), from produced to visible in history and counters: median ${p50.toFixed(0)} ms, 99 of 100 within ${p99.toFixed(0)} ms (${count} seen).\n`,
  )
}

const { processor, cores, memoryGb, system, node } = describeMachine()
say(`# Events: speed and slope\n`)
say(
  '`npm run test:servers -- --run "npm run bench:events -- --write"`. Servers, producer and service share one machine:',
)
say(`${processor}, ${cores} cores, ${memoryGb} GB, ${system}, Node ${node}; PostgreSQL without fsync.\n`)
for (const [name, part] of Object.entries({ backlog, shares, slope, freshness })) if (isWanted(name)) await part()
if (values.write) writeFileSync(join(import.meta.dirname, 'RESULTS.md'), `${said.join('\n').trimEnd()}\n`)
process.exit(0)
