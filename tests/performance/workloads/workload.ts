import type { Device, Precision } from '../../../models/engine/device.ts'
import { type Measurement, median } from '../comparison.ts'

export interface WorkloadOptions {
  readonly device: Device
  readonly precision: Precision
  readonly threads: number
  /** Length of a measurement. */
  readonly seconds: number
  /** Examples of a step, or candidates of a request. */
  readonly rows: number
  /** Rows of the embedding table. */
  readonly tableRows: number
}

/** Work that is ready to be measured. */
export interface Workload {
  /** First losses or a mean score. */
  readonly check: readonly number[]
  measure(): Promise<Measurement>
}

/** The median of at least `least` steps, over at least `seconds`. */
export async function timeSteps(step: () => unknown, seconds: number, least = 3): Promise<Measurement> {
  const times: number[] = []
  for (const end = performance.now() + seconds * 1_000; times.length < least || performance.now() < end; ) {
    const start = performance.now()
    await step()
    times.push(performance.now() - start)
  }
  return { ms: median(times), steps: times.length }
}

/** Losses of the first `count` steps. */
export async function firstLosses(step: () => Promise<number>, count = 3): Promise<readonly number[]> {
  const losses: number[] = []
  while (losses.length < count) losses.push(await step())
  return losses
}

/** So many steps before anything counts: caches fill, and what compiles has compiled. */
export async function warmUp(step: () => unknown, steps = 5): Promise<void> {
  for (let i = 0; i < steps; i++) await step()
}
