import type { TrainingProgress } from './ports.ts'

export type JobState = 'queued' | 'running' | 'completed' | 'failed' | 'cancelled'

export interface Job {
  readonly id: string
  readonly kind: 'train'
  /** `from`: the version that weights start from; new ones where it is left out. */
  readonly payload: { readonly ranker: string; readonly from?: string }
  readonly state: JobState
  readonly attempts: number
  readonly progress: TrainingProgress | null
  /** What came of it: the version, and why it serves or does not. */
  readonly result: JobResult | null
  readonly faultCode: string | null
  readonly faultMessage: string | null
  readonly createdAtMs: number
  readonly startedAtMs: number | null
  readonly endedAtMs: number | null
}
export interface JobResult {
  readonly version: string
  readonly activated: boolean
  readonly reasons: readonly string[]
}

export interface JobRequest {
  readonly kind: 'train'
  readonly payload: Job['payload']
  /** The same key twice is one job. */
  readonly idempotencyKey?: string
}

/**
 * Jobs that outlive processes. A worker holds a job by a lease that it renews; one whose lease ran out is taken again,
 * until its attempts are used up.
 */
export interface JobQueue {
  enqueue(request: JobRequest): Promise<Job>
  /** The oldest job that waits, or whose lease ran out; null where there is none. */
  lease(worker: string, leaseMs: number): Promise<Job | null>
  /** Renews the lease and notes progress. False where the job is no longer this worker's: cancelled, or taken by another. */
  renew(id: string, worker: string, leaseMs: number, progress: TrainingProgress | null): Promise<boolean>
  complete(id: string, worker: string, result: JobResult): Promise<void>
  fail(id: string, worker: string, fault: { readonly code: string; readonly message: string }): Promise<void>
  /** Gives a job back unfinished, as if it had not been leased: its worker is asked to stop. */
  release(id: string, worker: string): Promise<void>
  /** Null where there is no such job; one that has ended stays as it ended. */
  cancel(id: string): Promise<Job | null>
  find(id: string): Promise<Job | null>
  /** Newest first. */
  list(): Promise<readonly Job[]>
}
