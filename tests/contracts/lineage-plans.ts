import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEventLedger } from '../../services/adapters/postgres/event-ledger.ts'
import { createLineageStore } from '../../services/adapters/postgres/lineage.ts'
import type { Pool } from '../../services/adapters/postgres/pool.ts'
import { createRetentionStore } from '../../services/adapters/postgres/retention.ts'
import { dayMs, keepsAll, slate, type World } from './kept.ts'
import { startMs } from './sent.ts'
import { versionOf } from './versions.ts'

const slates = 6_000

/** Ten days of slates with three examples each, and their feedback. */
async function fill({ pool, send, joinAll }: World): Promise<void> {
  for (let day = 0; day < 10; day++) await send('past', startMs + day * dayMs, slate(`one-${day}`, day * dayMs))
  await joinAll('past', startMs + 10 * dayMs)
  const eachSlate = `from generate_series(1, ${slates}) n, lateral (select 's' || n as slate_id, ${startMs} + n * ${(10 * dayMs) / slates}::bigint as at_ms) of`
  await pool.query(
    `insert into slates select slate_id, 'past', '${keepsAll.name}', null, null, 'u' || n % 100, at_ms, '{}', '{}', null, null, 0, '[]' ${eachSlate}`,
  )
  await pool.query(
    `insert into examples select slate_id, 'i' || k, '${keepsAll.name}', k, at_ms, '[]' ${eachSlate}, generate_series(0, 2) k`,
  )
  const body = `jsonb_build_object('type', 'feedback', 'eventId', slate_id || '-e', 'slateId', slate_id, 'itemId', 'i1', 'userId', 'u')`
  await pool.query(
    `insert into events select slate_id || '-e', n, 'feedback', 'past', at_ms, least(at_ms, ${startMs + 10 * dayMs - 1}) ${eachSlate}`,
  )
  await pool.query(
    `insert into event_bodies select least(at_ms, ${startMs + 10 * dayMs - 1}), slate_id || '-e', ${body} ${eachSlate}`,
  )
}

/** The plans of every statement that `work` runs. */
async function plansOf(pool: Pool, work: (watched: Pool) => Promise<unknown>): Promise<string> {
  const asked: (readonly [string, readonly unknown[]])[] = []
  await work({
    ...pool,
    query(text, values = []) {
      asked.push([text, values])
      return pool.query(text, values)
    },
  })
  const plans: string[] = []
  for (const [text, values] of asked) {
    const { rows } = await pool.query<{ 'QUERY PLAN': string }>(`explain ${text}`, values)
    plans.push(rows.map((row) => row['QUERY PLAN']).join('\n'))
  }
  return plans.join('\n\n')
}

/** Begins with an empty database. */
export function lineagePlansContract(open: () => Promise<World>): void {
  test('neither an event nor a page of slates is looked for by reading a whole table', async () => {
    const world = await open()
    const { pool } = world
    await fill(world)
    await createRetentionStore(pool).indexBodies(startMs + 9 * dayMs)
    await pool.query('analyze')
    const learnt = versionOf(
      'v',
      { trainedFromMs: startMs, trainedToMs: startMs + 10 * dayMs, readAtMs: Date.now() + dayMs },
      keepsAll,
    )
    const middle = { occurredAtMs: startMs + 5 * dayMs, slateId: '' }

    const trail = await plansOf(pool, (watched) => createEventLedger(watched).trail('s3000-e'))
    const page = await plansOf(pool, (watched) => createLineageStore(watched).slates(learnt, middle, 20))

    assert.match(trail, /events_pkey[\s\S]*slates_pkey/)
    assert.match(page, /examples_in_time[\s\S]*event_bodies_20240107_by_slate/)
    // Days that are over, with something in them.
    const whole = /Seq Scan on (events|slates|examples|event_bodies_2024010[1-9])\b/
    for (const plan of [trail, page]) assert.doesNotMatch(plan, whole)
  })
}
