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
  const copies = [
    copying(examples.labels, tasks, feeds.labels!),
    copying(examples.known, tasks, feeds.known!),
    ...sides.flatMap(({ name, slots, numbers, wideRows }) => [
      copying(examples[name].rows, slots, wideRows),
      copying(examples[name].weights, slots, feeds[`${name}.weights`]!),
      copying(examples[name].numbers, numbers, feeds[`${name}.numbers`]!),
      copying(examples[name].present, numbers, feeds[`${name}.present`]!),
    ]),
  ]
  const masks = Object.keys(network.dropoutWidths).map((layer) => feeds[`mask.${layer}`]!)
  return {
    feeds,
    /** Examples `rows`; places beyond them are padding, which no known label lets count. */
    fill(rows: Int32Array, random: Random): void {
      for (const { from, to, width } of copies) {
        copyRows(from, rows, width, to)
        to.fill(0, rows.length * width)
      }
      for (const side of sides) {
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

type Values = Float32Array | Int32Array

/** What is copied as it stands, all as whole numbers: a loop over arrays of two types takes several times as long. */
const copying = (from: Values, width: number, to: Values) => ({ from: asBits(from), width, to: asBits(to) })
const asBits = ({ buffer, byteOffset, length }: Values) => new Int32Array(buffer, byteOffset, length)

function copyRows(from: Int32Array, rows: Int32Array, width: number, to: Int32Array): void {
  for (let i = 0; i < rows.length; i++) {
    const start = rows[i]! * width
    for (let j = 0; j < width; j++) to[i * width + j] = from[start + j]!
  }
}
