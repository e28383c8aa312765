import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import type { Measurement } from '../comparison.ts'
import type { Missing, Ready } from '../peer.ts'

const print = (line: Ready | Missing | Measurement) => console.log(JSON.stringify(line))

export interface PeerOptions {
  readonly workload: string
  /** A device of polyrank, or a backend of TensorFlow.js. */
  readonly device: string
  readonly precision: string
  /** How the model is written. */
  readonly form: string
  readonly threads: number
  /** Length of a measurement. */
  readonly seconds: number
  readonly rows: number
  readonly tableRows: number
}

export function readOptions(): PeerOptions {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      device: { type: 'string', default: 'cpu' },
      precision: { type: 'string', default: 'float32' },
      form: { type: 'string', default: 'stacked' },
      threads: { type: 'string', default: '2' },
      seconds: { type: 'string', default: '1' },
      rows: { type: 'string', default: '1024' },
      'table-rows': { type: 'string', default: '1000000' },
    },
  })
  const { device, precision, form } = values
  const [threads, seconds, rows, tableRows] = [values.threads, values.seconds, values.rows, values['table-rows']].map(
    Number,
  ) as [number, number, number, number]
  return { workload: positionals[0] ?? '', device, precision, form, threads, seconds, rows, tableRows }
}

/** Says why this peer cannot run here. */
export const sayMissing = (missing: string): void => print({ missing })

/** Says what this peer is, then measures once for every line of input. */
export async function serveRounds(ready: Ready, measure: () => Promise<Measurement>): Promise<void> {
  print(ready)
  for await (const _ of createInterface({ input: process.stdin })) print(await measure())
}
