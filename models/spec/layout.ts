import type { BatchLayout, SideLayout, SlotGroup, TableColumn } from './batch.ts'
import type { CategoricalFeature, CountersFeature, FeatureSpec, Hashed, Vocabulary } from './features.ts'
import type { RankerDefinition } from './ranker.ts'

/** Quantile bins of a bucketised number. */
export const numberBins = 16

export type Side = 'request' | 'candidate'
export const sideOf = (feature: FeatureSpec): Side => {
  if (feature.kind === 'history') return 'request'
  if (feature.kind === 'counters') return feature.of === 'user' ? 'request' : 'candidate'
  return feature.scope === 'item' ? 'candidate' : 'request'
}

/** Rows of a feature: hashed ones, or one a word of the vocabulary and one for missing. */
export const rowsOf = (rows: Hashed | Vocabulary): number =>
  'buckets' in rows ? rows.buckets : rows.vocabulary.length + 1

/** Names of a feature's numbers, in order. */
export function numberNames(feature: FeatureSpec): readonly string[] {
  if (feature.kind === 'numeric') return feature.scale === 'buckets' ? [] : [feature.name]
  return feature.kind === 'counters' ? counterNames(feature) : []
}

function counterNames({ name, feedback }: CountersFeature): readonly string[] {
  return [
    `${name}.impressions`,
    ...feedback.flatMap((kind) => [`${name}.${kind}.count`, `${name}.${kind}.rate`]),
    `${name}.gap`,
  ]
}

function tableRowsOf(feature: FeatureSpec): number {
  switch (feature.kind) {
    case 'categorical':
    case 'categories':
    case 'text':
      return rowsOf(feature.rows)
    case 'numeric':
      return feature.scale === 'buckets' ? numberBins + 1 : 0
    default:
      return 0
  }
}

/** The places a feature's rows take, one group an embedded vector. */
function groupsOf(feature: FeatureSpec): readonly Omit<SlotGroup, 'offset'>[] {
  switch (feature.kind) {
    case 'categorical':
      return [{ feature: feature.name, count: 1, isId: feature.isId === true }]
    case 'categories':
      return [{ feature: feature.name, count: feature.maxValues, isId: false }]
    case 'text':
      return [{ feature: feature.name, count: feature.maxTokens, isId: false }]
    case 'numeric':
      return feature.scale === 'buckets' ? [{ feature: feature.name, count: 1, isId: false }] : []
    case 'history':
      return feature.items.map((item) => ({ feature: `${feature.name}.${item}`, count: feature.length, isId: false }))
    case 'counters':
      return []
  }
}

function sideLayout(features: readonly FeatureSpec[]): SideLayout {
  let slots = 0
  const groups = features.flatMap(groupsOf).map((group) => {
    const placed = { ...group, offset: slots }
    slots += group.count
    return placed
  })
  return { groups, slots, numbers: features.flatMap(numberNames) }
}

/** Where each feature of a definition lies in a batch and in the table. Depends on nothing else. */
export function layoutOf({ features }: Pick<RankerDefinition, 'features'>): BatchLayout {
  let tableRows = 1
  const columns: TableColumn[] = []
  for (const feature of features) {
    const rows = tableRowsOf(feature)
    if (rows === 0) continue
    columns.push({ feature: feature.name, offset: tableRows, rows })
    tableRows += rows
  }
  return {
    request: sideLayout(features.filter((feature) => sideOf(feature) === 'request')),
    candidate: sideLayout(features.filter((feature) => sideOf(feature) === 'candidate')),
    columns,
    tableRows,
  }
}

/** The item features that a history sees its items through. */
export function historyItemFeatures(
  features: readonly FeatureSpec[],
  names: readonly string[],
): readonly CategoricalFeature[] {
  return names.map((name) => features.find((feature) => feature.name === name) as CategoricalFeature)
}
