import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { type Measurement, median } from '../comparison.ts'
import type { Missing, Ready } from '../peer.ts'

const print = (line: Ready | Missing | Measurement) => console.log(JSON.stringify(line))

export interface PeerOptions {
  readonly workload: string
  readonly threads: number
  /** Length of a round. */
  readonly seconds: number
  readonly rows: number
}

export function readOptions(): PeerOptions {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      threads: { type: 'string', default: '2' },
      seconds: { type: 'string', default: '2' },
      rows: { type: 'string', default: '1024' },
    },
  })
  const [threads, seconds, rows] = [values.threads, values.seconds, values.rows].map(Number) as [number, number, number]
  return { workload: positionals[0] ?? 'training', threads, seconds, rows }
}

/** The median of at least three steps, over at least `seconds`. */
export async function timeSteps(step: () => unknown, seconds: number): Promise<Measurement> {
  const times: number[] = []
  for (const end = performance.now() + seconds * 1_000; times.length < 3 || performance.now() < end; ) {
    const start = performance.now()
    await step()
    times.push(performance.now() - start)
  }
  return { ms: median(times), steps: times.length }
}

/** Says what this peer is, then measures one round for every line of input. */
export async function serveRounds(ready: Ready, round: () => Promise<Measurement>): Promise<void> {
  print(ready)
  for await (const _ of createInterface({ input: process.stdin })) print(await round())
}
