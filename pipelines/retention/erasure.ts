import type { VersionRegistry } from '../promotion/ports.ts'
import type { Job, JobQueue } from '../training/jobs.ts'
import type { Erasure, ErasureStore } from './ports.ts'

export interface ErasureContext {
  readonly store: ErasureStore
  nowMs(): number
  /** Only counts what there is. */
  readonly isDryRun: boolean
}

/**
 * Takes away all that is kept of a user: events, what was joined of them, and dead letters that hold the id. Old records
 * that are read again do not bring it back; what the user does from now on is kept as of anybody. Weights of versions
 * that learnt from the user stay until others take their place; no training starts from them.
 */
export const eraseUser = (userId: string, { store, nowMs, isDryRun }: ErasureContext): Promise<Erasure> =>
  isDryRun ? store.find(userId) : store.erase(userId, nowMs)

/**
 * Queues a training of each ranker whose versions may have learnt from the user, on what is left. It starts from the last
 * version before all of those that learnt nobody who was erased, and anew where there is none.
 */
export async function retrainWithout(
  { versions }: Erasure,
  jobs: Pick<JobQueue, 'enqueue'>,
  registry: Pick<VersionRegistry, 'list'>,
): Promise<readonly Job[]> {
  const queued: Job[] = []
  const affected = new Set(versions.map(({ version }) => version))
  for (const ranker of new Set(versions.map((version) => version.ranker))) {
    // Newest first.
    const all = await registry.list(ranker)
    const before = all.slice(all.findLastIndex(({ version }) => affected.has(version)) + 1)
    const last = before.find(({ learntErasedAtMs }) => learntErasedAtMs === undefined)
    const payload = { ranker, ...(last === undefined ? {} : { from: last.version }) }
    queued.push(await jobs.enqueue({ kind: 'train', payload }))
  }
  return queued
}
