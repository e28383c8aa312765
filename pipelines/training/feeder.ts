import type { Network } from '../../models/architectures/network.ts'
import { fillDropoutMask, type Random } from '../../models/engine/random.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { Table } from '../../models/tables/table.ts'
import type { EncodedExamples } from './encoded-examples.ts'

export interface Tables {
  readonly deep: Table
  readonly wide: Table
}

export interface FeederOptions {
  readonly definition: RankerDefinition
  readonly network: Network
  readonly examples: EncodedExamples
}

/** Fills the step's feeds from examples, and hands its gradients to the tables. */
export function createFeeder({ definition, network, examples }: FeederOptions, tables: Tables) {
  const { batchSize } = definition.training
  const tasks = definition.tasks.length
  const sides = (['request', 'candidate'] as const).map((name) => {
    const { slots, numbers, groups } = network.layout[name]
    const ids = groups.filter(({ isId }) => isId)
    return {
      name,
      slots,
      numbers: numbers.length,
      idSlots: ids.flatMap(({ offset, count }) => Array.from({ length: count }, (_, i) => offset + i)),
      /** Rows as the wide part sees them, and as the deep part does: dropped ids read as nobody's row. */
      wideRows: new Int32Array(batchSize * slots),
      deepRows: new Int32Array(batchSize * slots),
    }
  })
  const feeds: Record<string, Float32Array> = {
    labels: new Float32Array(batchSize * tasks),
    known: new Float32Array(batchSize * tasks),
  }
  for (const { name, slots, numbers } of sides) {
    feeds[`${name}.deep`] = new Float32Array(batchSize * slots * tables.deep.width)
    feeds[`${name}.wide`] = new Float32Array(batchSize * slots * tables.wide.width)
    feeds[`${name}.weights`] = new Float32Array(batchSize * slots)
    feeds[`${name}.numbers`] = new Float32Array(batchSize * numbers)
    feeds[`${name}.present`] = new Float32Array(batchSize * numbers)
  }
  for (const [layer, width] of Object.entries(network.dropoutWidths))
    feeds[`mask.${layer}`] = new Float32Array(batchSize * width)
  const slots = sides.reduce((sum, side) => sum + side.slots, 0)
  /** Both sides' rows and gradients, as the tables take them. */
  const joinedOf = ({ width }: Table) => ({
    rows: new Int32Array(batchSize * slots),
    gradient: new Float32Array(batchSize * slots * width),
  })
  const joined = { deep: joinedOf(tables.deep), wide: joinedOf(tables.wide) }
  const masks = Object.keys(network.dropoutWidths).map((layer) => feeds[`mask.${layer}`]!)
  return {
    feeds,
    /** Examples `rows`; places beyond them are padding, which no known label lets count. */
    fill(rows: Int32Array, random: Random): void {
      feeds.labels!.fill(0)
      feeds.known!.fill(0)
      copyRows(examples.labels, rows, tasks, feeds.labels!)
      copyRows(examples.known, rows, tasks, feeds.known!)
      for (const side of sides) {
        const source = examples[side.name]
        side.wideRows.fill(0)
        for (const part of ['weights', 'numbers', 'present'] as const) {
          feeds[`${side.name}.${part}`]!.fill(0)
          copyRows(source[part], rows, part === 'weights' ? side.slots : side.numbers, feeds[`${side.name}.${part}`]!)
        }
        copyRows(source.rows, rows, side.slots, side.wideRows)
        side.deepRows.set(side.wideRows)
        for (let i = 0; i < rows.length; i++) {
          for (const slot of side.idSlots) {
            if (random.uniform() < definition.trunk.idDropout) side.deepRows[i * side.slots + slot] = 0
          }
        }
        tables.deep.gather(side.deepRows, feeds[`${side.name}.deep`]!)
        tables.wide.gather(side.wideRows, feeds[`${side.name}.wide`]!)
      }
      for (const mask of masks) fillDropoutMask(mask, definition.trunk.dropout, random)
    },
    learn(outputs: Readonly<Record<string, Float32Array>>): void {
      for (const part of ['deep', 'wide'] as const) {
        const { rows, gradient } = joined[part]
        let at = 0
        for (const side of sides) {
          rows.set(side[`${part}Rows`], at)
          gradient.set(outputs[`gradient.${side.name}.${part}`]!, at * tables[part].width)
          at += batchSize * side.slots
        }
        tables[part].update(rows, gradient)
      }
    },
  }
}

function copyRows<T extends Float32Array | Int32Array>(from: T, rows: Int32Array, width: number, to: T): void {
  for (let i = 0; i < rows.length; i++) {
    const start = rows[i]! * width
    for (let j = 0; j < width; j++) to[i * width + j] = from[start + j]!
  }
}
