import { inputWidth, type Network } from '../../models/architectures/network.ts'
import type { NamedTensor } from '../../models/engine/safetensors.ts'
import { deepTable, wideTable } from '../../models/objectives/scoring-step.ts'
import { canonical } from '../../models/spec/definition-hash.ts'
import { Fault } from '../../models/spec/fault.ts'
import { layoutOf } from '../../models/spec/layout.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { TableState } from '../../models/tables/table.ts'
import type { ModelVersion, VersionRegistry } from '../promotion/ports.ts'

/** A version as training starts from it. */
export interface OlderVersion {
  readonly version: string
  readonly definition: RankerDefinition
  /** As in its file of weights, by name. */
  readonly tensors: ReadonlyMap<string, NamedTensor>
}

/** What of an older version a new network begins with, and what it does not. */
export interface WarmStart {
  /** By name, of the dense parameters that it has as they are now. */
  readonly dense: ReadonlyMap<string, Float32Array>
  /** Trained rows at step 0, as a table takes them up. */
  readonly deep: TableState
  readonly wide: TableState
  /** Names of parameters and features' tables that begin anew. */
  readonly added: readonly string[]
  /** Names of those of the older version that nothing takes up. */
  readonly dropped: readonly string[]
}

/**
 * Dense tensors are taken up by name and shape, none where inputs or tasks are as many as they were but not the same; of the
 * tables, the rows of each feature that is as it was, where vectors are as wide as they were and, in the wide table, tasks
 * are the same.
 */
export function warmStart(
  { definition: older, tensors }: OlderVersion,
  definition: RankerDefinition,
  network: Network,
) {
  const parameters = network.parameters.parameters
  const taskNames = ({ tasks }: RankerDefinition) => canonical(tasks.map(({ name }) => name))
  // Shapes do not show that a weight is another input's, or another task's.
  const isMixedUp =
    (older.tasks.length === definition.tasks.length && taskNames(older) !== taskNames(definition)) ||
    (inputWidth(older) === inputWidth(definition) && inputNames(older) !== inputNames(definition))
  const dense = new Map(
    parameters.flatMap(({ name, shape }): [string, Float32Array][] => {
      const found = isMixedUp ? undefined : tensors.get(name)
      return found !== undefined && canonical(found.shape) === canonical(shape) ? [[name, found.data]] : []
    }),
  )
  const tables = {
    deep: tableOf(deepTable, older.trunk.dimension === definition.trunk.dimension, definition.trunk.dimension),
    wide: tableOf(wideTable, taskNames(older) === taskNames(definition), definition.tasks.length),
  }
  const olderDense = [...tensors.keys()].filter((name) => name !== deepTable && name !== wideTable)
  const start: WarmStart = {
    dense,
    deep: tables.deep.state,
    wide: tables.wide.state,
    added: [
      ...parameters.flatMap(({ name }) => (dense.has(name) ? [] : [name])),
      ...tables.deep.added,
      ...tables.wide.added,
    ],
    dropped: [...olderDense.filter((name) => !dense.has(name)), ...tables.deep.dropped, ...tables.wide.dropped],
  }
  return start

  function tableOf(table: string, isAsWide: boolean, width: number) {
    const before = layoutOf(older).columns
    const specOf = ({ features }: RankerDefinition, name: string) => features.find((feature) => feature.name === name)
    const rowsOf = (of: RankerDefinition, name: string) => {
      const feature = specOf(of, name)
      return canonical(feature === undefined || !('rows' in feature) ? null : feature.rows)
    }
    const kept = network.layout.columns.flatMap(({ feature, offset, rows }) => {
      const same = before.find((column) => column.feature === feature && column.rows === rows)
      const isSame = same !== undefined && isAsWide && rowsOf(older, feature) === rowsOf(definition, feature)
      return isSame ? [{ feature, rows, from: same.offset, to: offset }] : []
    })
    const isKept = (name: string) => kept.some(({ feature }) => feature === name)
    const without = (columns: typeof before) =>
      columns.flatMap(({ feature }) => (isKept(feature) ? [] : [`${table} of ${feature}`]))
    const values = tensors.get(table)!.data
    const rows: number[] = []
    const froms: number[] = []
    for (const { rows: count, from, to } of kept) {
      for (let i = 0; i < count; i++) {
        const start = (from + i) * width
        // A row that was never trained is the zero vector.
        if (values.subarray(start, start + width).every((value) => value === 0)) continue
        rows.push(to + i)
        froms.push(start)
      }
    }
    const weights = new Float32Array(rows.length * width)
    for (const [i, start] of froms.entries()) weights.set(values.subarray(start, start + width), i * width)
    const state: TableState = {
      step: 0,
      rows: Int32Array.from(rows),
      lastSteps: new Int32Array(rows.length),
      weights,
      averages: weights.slice(),
      moments: new Float64Array(network.layout.columns.length),
      decays: new Float64Array(0),
    }
    return { state, added: without(network.layout.columns), dropped: without(before) }
  }
}

function inputNames(definition: RankerDefinition): string {
  const { request, candidate } = layoutOf(definition)
  return canonical([request, candidate].map(({ groups, numbers }) => [groups.map(({ feature }) => feature), numbers]))
}

/** Faults `VERSION_UNKNOWN` where the ranker has no such version, `VERSION_LEARNT_ERASED` where it must not go on. */
export async function versionToStartFrom(
  registry: Pick<VersionRegistry, 'find'>,
  ranker: string,
  version: string,
): Promise<ModelVersion> {
  const found = await registry.find(version)
  if (found?.ranker !== ranker) {
    throw new Fault(
      'VERSION_UNKNOWN',
      `Ranker "${ranker}" has no version "${version}" to start from; GET /v1/models lists its versions.`,
      { path: '/from', status: 404 },
    )
  }
  if (found.learntErasedAtMs !== undefined) {
    throw new Fault(
      'VERSION_LEARNT_ERASED',
      `Version "${version}" may have learnt from a user who was erased since. Start from one of which GET /v1/models says no \`learntErasedAt\`, or from none.`,
      { path: '/from', status: 409 },
    )
  }
  return found
}

const mostNamed = 8

/** For people: what a training starts from. */
export function sayStart(version: string, { added, dropped }: WarmStart): string {
  const list = (what: string, names: readonly string[]) => {
    if (names.length === 0) return ''
    const more = names.length > mostNamed ? ` and ${names.length - mostNamed} more` : ''
    return `; ${what}: ${names.slice(0, mostNamed).join(', ')}${more}`
  }
  return `starts from ${version}${list('begin anew', added)}${list('left out', dropped)}`
}
