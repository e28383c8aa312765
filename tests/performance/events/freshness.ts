import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { createKnowledgeStore } from '../../../services/adapters/postgres/knowledge.ts'
import type { Pool } from '../../../services/adapters/postgres/pool.ts'
import { fromKafka, kafkaOf, produce, type Topics } from './flows.ts'
import { linesOf } from './input.ts'

const seconds = 20
/** Feedback that is waited for, apart. */
const probeEveryMs = 250

/**
 * Produces at half of the rate at which a backlog drained on this machine, and asks again and again for what a ranker would
 * see of one user, from the moment feedback of theirs is produced until it is there.
 */
export async function visibleAfterMs(pool: Pool, brokers: string) {
  const topics: Topics = { brokers, prefix: `fresh-${randomUUID().slice(0, 8)}` }
  const warm = [...linesOf(4_000, 'warm', Date.now() - 600_000)]
  await produce(topics, warm)
  const start = performance.now()
  await fromKafka(pool, topics, warm.length)
  const half = warm.length / ((performance.now() - start) / 1_000) / 2
  const producer = kafkaOf(topics).producer()
  await producer.connect()
  const knowledge = createKnowledgeStore(pool)
  const send = (topic: string, events: readonly { key: string; value: object }[]) =>
    producer.send({
      topic: `${topics.prefix}.${topic}`,
      messages: events.map(({ key, value }) => ({ key, value: JSON.stringify(value) })),
    })
  let produced = 0
  let isOver = false
  const load = (async () => {
    const began = performance.now()
    while (!isOver) {
      const due = Math.floor(((performance.now() - began) / 1_000) * half) - produced
      if (due > 0) {
        const events = Array.from({ length: due }, (_, i) => {
          const n = produced + i
          const userId = `u${n % 20_000}`
          return {
            key: userId,
            value: {
              ...{ type: 'feedback', eventId: `load-${n}`, occurredAt: new Date().toISOString() },
              ...{ userId, itemId: `i${n % 50_000}`, kind: 'click' },
            },
          }
        })
        await send('feedback', events)
        produced += due
      }
      await wait(10)
    }
  })()
  const times: number[] = []
  const probing = (async () => {
    for (let probe = 0; probe < (seconds * 1_000) / probeEveryMs; probe++) {
      const userId = `probe-${probe}`
      const from = performance.now()
      const event = {
        type: 'feedback',
        eventId: userId,
        occurredAt: new Date().toISOString(),
        userId,
        itemId: 'i1',
        kind: 'click',
      }
      await send('feedback', [{ key: userId, value: event }])
      const query = {
        userId,
        itemIds: ['i1'],
        historyFeedback: null,
        tallies: { user: true, item: true, userItem: false },
      }
      for (;;) {
        const { history, userTally } = await knowledge.know(query)
        if (history.length > 0 && userTally !== null) break
        await wait(5)
      }
      times.push(performance.now() - from)
      await wait(Math.max(0, probeEveryMs - (performance.now() - from)))
    }
    isOver = true
  })()
  const reading = fromKafka(pool, topics, Number.POSITIVE_INFINITY, () => {
    if (isOver) throw over
  }).catch((error) => {
    if (error !== over) throw error
  })
  await Promise.all([load, probing, reading])
  await producer.disconnect()
  times.sort((a, b) => a - b)
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))]!
  return { half, p50: at(0.5), p99: at(0.99), count: times.length }
}

const over = new Error('over')
