import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Message } from 'kafkajs'
import { createRandom } from '../../../models/engine/random.ts'
import type { Event } from '../../../pipelines/ingest/events.ts'
import { openWorld, type Servers, sharedServers, until } from '../../services/ingestor/kafka-world.ts'
import { smallEvents } from '../small-world.ts'
import { digestOf, stateOf } from './state.ts'

const program = join(import.meta.dirname, 'flow-process.ts')

/** Records as they lie in the topics, for every run the same: events, some twice, and a hundredth that is broken. */
export interface Input {
  readonly slates: readonly Message[]
  readonly impressions: readonly Message[]
  readonly feedback: readonly Message[]
  readonly catalog: readonly Message[]
}

const endMs = Date.UTC(2024, 5, 1)
const poison: readonly (Buffer | string | null)[] = [
  Buffer.from([0xff, 0xfe, 0x00]),
  '{"type": "feedback", "eventId": "nul-\\u0000"}',
  '\u0000',
  'not JSON',
  '{"type": "no-such-type", "eventId": "odd"}',
  '[]',
  'null',
  null,
  '['.repeat(20_000),
]

export function inputOf(slates: number, seed = 1): Input {
  const random = createRandom(seed)
  const topics = {
    slates: [] as Message[],
    impressions: [] as Message[],
    feedback: [] as Message[],
    catalog: [] as Message[],
  }
  let count = 0
  for (const event of smallEvents(slates, seed, endMs)) {
    const topic = topics[topicOf(event)]
    const message = { key: keyOf(event), value: JSON.stringify(event) }
    topic.push(message)
    if (random.uniform() < 0.05) topic.push(message)
    if (++count % 100 === 0) topic.push({ key: keyOf(event), value: poison[(count / 100) % poison.length]! })
  }
  // One id with two contents.
  const [first] = topics.feedback
  topics.feedback.push({ ...first!, value: String(first!.value).replace('"kind":"', '"kind":"other-') })
  return topics
}

function topicOf({ type }: Event): keyof Input {
  if (type === 'slate') return 'slates'
  if (type === 'impression') return 'impressions'
  return type === 'feedback' ? 'feedback' : 'catalog'
}

const keyOf = (event: Event): string => {
  if (event.type === 'item') return `item:${event.itemId}`
  if (event.type === 'user') return `user:${event.userId}`
  return event.type === 'impression' ? event.slateId : event.userId
}

export type Chaos = Awaited<ReturnType<typeof openChaos>>

/** Topics that hold the input, and an empty schema, for one run; processes of it end with `close`. */
export async function openChaos(input: Input, servers: Servers = sharedServers()) {
  const world = await openWorld(servers)
  try {
    await world.makeTopics()
    for (const [kind, messages] of Object.entries(input)) await world.send(`${world.name}.${kind}`, messages)
  } catch (error) {
    // What stays open would keep the suite from ending.
    await world.close()
    throw error
  }
  const { topics, brokers, group } = world.settings()
  const url = new URL(servers.databaseUrl)
  url.searchParams.set('options', `-c search_path=${world.name.replaceAll('-', '_')}`)
  const environment = {
    DATABASE_URL: url.href,
    KAFKA_BROKERS: brokers.join(),
    KAFKA_GROUP: group,
    // A member that was killed is missed soon.
    KAFKA_SESSION_MS: '1500',
    ...Object.fromEntries(Object.entries(topics).map(([kind, topic]) => [`KAFKA_TOPIC_${kind.toUpperCase()}`, topic])),
  }
  const total = Object.values(input).reduce((sum, messages) => sum + messages.length, 0)
  const children = new Set<ChildProcess>()
  const printed: string[] = []
  const complaints: string[] = []
  let failure: Error | null = null
  return {
    ...world,
    /** What a process needs to work on it. */
    environment,
    /** Every step that any process took so far. */
    steps: (): readonly string[] => printed.flatMap((text) => text.split('\n')).filter((line) => line !== ''),
    /** Starts a process; resolves when it has ended, by its signal where it was killed. */
    start(chaos: { readonly CHAOS_STEP?: string; readonly CHAOS_COUNT?: string } = {}) {
      const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), program], {
        env: { ...process.env, ...environment, ...chaos },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      children.add(child)
      const said = complaints.push('') - 1
      child.stderr.on('data', (data) => {
        complaints[said] += String(data)
      })
      const place = printed.push('') - 1
      child.stdout.on('data', (data) => {
        printed[place] += String(data)
      })
      const ended = once(child, 'close').then(([code, signal]) => {
        children.delete(child)
        if (signal !== 'SIGKILL') throw new Error(`A process ended with code ${code}:\n${complaints[said]}`)
      })
      ended.catch((error: Error) => {
        failure ??= error
      })
      return { ended, kill: () => child.kill('SIGKILL') }
    },
    /** Waits until all was read and joined. */
    async settled(): Promise<void> {
      const what = 'all records are read and joined'
      await until(what, async () => {
        if (failure !== null) throw failure
        const { rows } = await world.pool.query<{ read: number; pending: number }>(
          'select (select coalesce(sum(next_offset), 0)::bigint from positions) as read, (select count(*) from pending) as pending',
        )
        return rows[0]!.read === total && rows[0]!.pending === 0
      }).catch(async (error: Error) => {
        // What each said, and where it stands.
        const positions = await world.positions.list(group)
        throw new Error(
          `${error.message} (${total} were sent)\n${JSON.stringify(positions)}\n${complaints.join('\n')}`,
          { cause: error },
        )
      })
    },
    async digest() {
      const state = await stateOf(world.pool)
      // Topics are named after the run.
      const anonymous = Object.fromEntries(
        Object.entries(state).map(([table, rows]) => [table, rows.map((row) => row.replaceAll(world.name, 'run'))]),
      )
      return { state: anonymous, digest: digestOf(anonymous) }
    },
    async stop() {
      const all = [...children]
      for (const child of all) child.kill('SIGKILL')
      await Promise.all(all.map((child) => (child.exitCode === null ? once(child, 'close') : null)))
    },
  }
}
