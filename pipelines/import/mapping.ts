import { Fault } from '../../models/spec/fault.ts'
import type { Event } from '../ingest/events.ts'

/** A row of a file: by column, texts of a CSV file, or values of a Parquet file as they are typed there. */
export type Row = Readonly<Record<string, unknown>>

/** How an event is made of a row. */
export interface Mapping {
  readonly type: Event['type']
  readonly columns: readonly { readonly column: string; readonly target: Target }[]
  /** The same for every row; `{row}` in them is the row's number. */
  readonly constants: readonly { readonly value: string; readonly target: Target }[]
  readonly timeUnit: TimeUnit
}

/** `rfc3339`: the column has texts such as 2026-01-31T08:00:00Z. */
export const timeUnits = ['rfc3339', 's', 'ms', 'us'] as const
export type TimeUnit = (typeof timeUnits)[number]

const kinds = ['text', 'number', 'boolean', 'list'] as const
type Kind = (typeof kinds)[number] | 'time'
interface Target {
  readonly path: readonly string[]
  /** Null: as it is in the file. */
  readonly kind: Kind | null
}

const id = { kind: 'text' } as const
const number = { kind: 'number' } as const
/** Fields that a row may fill; one item stands for a list of one. `features.NAME` and the like take any name. */
const fields: Readonly<Record<Event['type'], Readonly<Record<string, { readonly kind: Kind; readonly in?: string }>>>> =
  {
    slate: {
      slateId: id,
      ranker: id,
      userId: id,
      limit: number,
      itemId: { ...id, in: 'item' },
      score: { ...number, in: 'item' },
    },
    impression: { slateId: id, itemId: { ...id, in: 'itemIds' } },
    feedback: { userId: id, itemId: id, slateId: id, kind: id, value: number },
    item: { itemId: id, deleted: { kind: 'boolean' } },
    user: { userId: id, deleted: { kind: 'boolean' } },
  }
const named: Readonly<Record<Event['type'], readonly string[]>> = {
  slate: ['features', 'context', 'user'],
  impression: [],
  feedback: [],
  item: ['features'],
  user: ['features'],
}

/**
 * Reads `column=field` and `field=value` pairs. A field may end with `:text`, `:number`, `:boolean` or `:list` (parts
 * divided by `|`). Fault `IMPORT_MAPPING_INVALID`.
 */
export function readMapping(
  type: Event['type'],
  maps: readonly string[],
  sets: readonly string[],
  timeUnit: TimeUnit = 'rfc3339',
): Mapping {
  const columns = maps.map((pair) => {
    const cut = pair.lastIndexOf('=')
    if (cut < 1) throw invalid(`"${pair}" must be COLUMN=FIELD.`)
    return { column: pair.slice(0, cut), target: targetOf(type, pair.slice(cut + 1)) }
  })
  const constants = sets.map((pair) => {
    const cut = pair.indexOf('=')
    if (cut < 1) throw invalid(`"${pair}" must be FIELD=VALUE.`)
    return { value: pair.slice(cut + 1), target: targetOf(type, pair.slice(0, cut)) }
  })
  const targets = [...columns, ...constants].map(({ target }) => target.path.join('.'))
  const twice = targets.find((target, i) => targets.indexOf(target) !== i)
  if (twice !== undefined) throw invalid(`"${twice.split('.').at(-1)}" is given twice.`)
  return { type, columns, constants, timeUnit }
}

function targetOf(type: Event['type'], text: string): Target {
  const [, name = text, given] = /^(.*):(text|number|boolean|list)$/.exec(text) ?? []
  const asked = kinds.find((kind) => kind === given) ?? null
  if (name === 'occurredAt') return { path: ['occurredAt'], kind: 'time' }
  if (name === 'eventId') return { path: ['eventId'], kind: 'text' }
  const field = Object.hasOwn(fields[type], name) ? fields[type][name] : undefined
  if (field?.in === 'itemIds') return { path: ['itemIds', '0'], kind: field.kind }
  if (field !== undefined) return { path: field.in === 'item' ? ['items', '0', name] : [name], kind: field.kind }
  const [group, ...rest] = name.split('.')
  const key = rest.join('.')
  if (group !== undefined && key !== '' && named[type].includes(group)) {
    return { path: type === 'slate' && group === 'features' ? ['items', '0', group, key] : [group, key], kind: asked }
  }
  const known = [...Object.keys(fields[type]), ...named[type].map((each) => `${each}.NAME`), 'occurredAt', 'eventId']
  throw invalid(`"${name}" is no field of ${type} events; it must be one of ${known.join(', ')}.`)
}

const invalid = (message: string) => new Fault('IMPORT_MAPPING_INVALID', `${message} See \`polyrank import --help\`.`)

/**
 * The event of a row, which need not be a valid one: what is wrong in it is found where every event is checked. Ids that no
 * column gives are made of the source and the row's number, so that the same row is the same event each time.
 */
export function eventOf(row: Row, number: number, source: string, mapping: Mapping): Record<string, unknown> {
  const made = `${source}-${number}`
  const event: Record<string, unknown> = { type: mapping.type, eventId: `${source}-${mapping.type}-${number}` }
  if (mapping.type === 'slate') event.slateId = made
  for (const { value, target } of mapping.constants)
    put(event, target.path, converted(value.replaceAll('{row}', String(number)), target.kind, mapping.timeUnit))
  for (const { column, target } of mapping.columns)
    put(event, target.path, converted(row[column], target.kind, mapping.timeUnit))
  return event
}

/** An empty cell leaves its field out. */
function put(event: Record<string, unknown>, path: readonly string[], value: unknown): void {
  if (value === undefined || value === null || value === '') return
  let place: Record<string, unknown> | unknown[] = event
  for (const [i, part] of path.entries()) {
    const parent = place as Record<string, unknown>
    if (i === path.length - 1) {
      // Not by assignment: a feature may be named "__proto__".
      Object.defineProperty(parent, part, { value, enumerable: true, writable: true, configurable: true })
      return
    }
    parent[part] ??= path[i + 1] === '0' ? [] : {}
    place = parent[part] as Record<string, unknown>
  }
}

/** What cannot be converted stays as it is, for the check to find. */
function converted(value: unknown, kind: Kind | null, unit: TimeUnit): unknown {
  if (value === undefined || value === null || value === '') return undefined
  switch (kind) {
    case 'time':
      return timeOf(value, unit)
    case 'text':
      return typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
        ? `${value}`
        : plain(value)
    case 'number':
      return typeof value === 'string' ? numberOf(value) : plain(value)
    case 'boolean':
      return typeof value === 'string' ? (booleans.get(value.toLowerCase()) ?? value) : plain(value)
    case 'list':
      return typeof value === 'string' ? value.split('|') : plain(value)
    case null:
      return plain(value)
  }
}

const booleans = new Map([
  ...['true', '1'].map((text) => [text, true] as const),
  ...['false', '0'].map((text) => [text, false] as const),
])
const numberPattern = /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i
const numberOf = (text: string): unknown => {
  const value = Number(text)
  return numberPattern.test(text) && Number.isFinite(value) ? value : text
}

/** As JSON can say it. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const near = Number(value)
    return Number.isSafeInteger(near) ? near : `${value}`
  }
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (Array.isArray(value)) return value.map(plain)
  return value
}

const millisecondsPer: Readonly<Record<TimeUnit, number>> = { rfc3339: 1, s: 1_000, ms: 1, us: 0.001 }

function timeOf(value: unknown, unit: TimeUnit): unknown {
  if (unit === 'rfc3339' || value instanceof Date) return plain(value)
  const count = typeof value === 'string' ? numberOf(value) : typeof value === 'bigint' ? Number(value) : value
  if (typeof count !== 'number') return value
  const moment = new Date(Math.floor(count * millisecondsPer[unit]))
  return Number.isNaN(moment.getTime()) ? value : moment.toISOString()
}
