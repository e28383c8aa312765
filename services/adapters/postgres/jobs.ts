import { randomUUID } from 'node:crypto'
import type { Job, JobQueue } from '../../../pipelines/training/jobs.ts'
import type { Pool } from './pool.ts'
import { signal } from './signals.ts'

const mostAttempts = 3
const columns = `id, kind, payload, state, attempts, progress, result, fault_code as "faultCode",
  fault_message as "faultMessage", created_at_ms as "createdAtMs", started_at_ms as "startedAtMs", ended_at_ms as "endedAtMs"`
type JobRow = Job & { [column: string]: unknown }

export function createJobQueue(pool: Pool, nowMs: () => number): JobQueue {
  const one = async (text: string, values: readonly unknown[]): Promise<Job | null> =>
    (await pool.query<JobRow>(text, values)).rows[0] ?? null
  const find = (id: string) => one(`select ${columns} from jobs where id = $1`, [id])
  return {
    find,
    async enqueue({ kind, payload, idempotencyKey }) {
      const job = await one(
        `with job as (
           insert into jobs (id, kind, payload, idempotency_key, state, max_attempts, created_at_ms)
           values ($1, $2, $3, $4, 'queued', $5, $6)
           on conflict (kind, idempotency_key) do update set kind = excluded.kind returning ${columns}
         )
         select job.* from job, (select ${signal('job')}) signalled`,
        [randomUUID(), kind, JSON.stringify(payload), idempotencyKey ?? null, mostAttempts, nowMs()],
      )
      return job!
    },
    async lease(worker, leaseMs) {
      const now = nowMs()
      await pool.query(
        `update jobs set state = 'failed', ended_at_ms = $1, fault_code = 'JOB_ABANDONED',
           fault_message = 'Its worker stopped ' || attempts || ' times before it ended; the log says why.'
         where state = 'running' and lease_until_ms < $1 and attempts >= max_attempts`,
        [now],
      )
      return one(
        `update jobs set state = 'running', worker = $1, lease_until_ms = $2, attempts = attempts + 1,
           started_at_ms = coalesce(started_at_ms, $3)
         where id = (
           select id from jobs where state = 'queued' or (state = 'running' and lease_until_ms < $3)
           order by created_at_ms, id limit 1 for update skip locked
         ) returning ${columns}`,
        [worker, now + leaseMs, now],
      )
    },
    async renew(id, worker, leaseMs, progress) {
      const { rowCount } = await pool.query(
        `update jobs set lease_until_ms = $3, progress = coalesce($4, progress)
         where id = $1 and worker = $2 and state = 'running'`,
        [id, worker, nowMs() + leaseMs, progress === null ? null : JSON.stringify(progress)],
      )
      return rowCount === 1
    },
    async complete(id, worker, result) {
      await pool.query(
        `update jobs set state = 'completed', result = $3, ended_at_ms = $4 where id = $1 and worker = $2 and state = 'running'`,
        [id, worker, JSON.stringify(result), nowMs()],
      )
    },
    async fail(id, worker, { code, message }) {
      await pool.query(
        `update jobs set state = 'failed', fault_code = $3, fault_message = $4, ended_at_ms = $5
         where id = $1 and worker = $2 and state = 'running'`,
        [id, worker, code, message, nowMs()],
      )
    },
    async release(id, worker) {
      await pool.query(
        `update jobs set state = 'queued', attempts = attempts - 1 where id = $1 and worker = $2 and state = 'running'`,
        [id, worker],
      )
    },
    async cancel(id) {
      await pool.query(
        `update jobs set state = 'cancelled', ended_at_ms = $2 where id = $1 and state in ('queued', 'running')`,
        [id, nowMs()],
      )
      return find(id)
    },
    async list() {
      return (await pool.query<JobRow>(`select ${columns} from jobs order by created_at_ms desc, id limit 100`)).rows
    },
  }
}
