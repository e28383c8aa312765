import type { SlateExamples, Tally } from '../../../models/spec/slate.ts'
import { addFeedback, addImpression, emptyTally } from '../../../models/spec/tally.ts'
import { inlineFeatures, type KuairandRow, type KuairandTables } from './tables.ts'

/** The last day of training; what comes later is the test slice. */
const lastTrainingDate = 20_220_418

/** Every impression as an example, and the rows of each slice, for measuring without a database. */
export interface KuairandFrame {
  readonly rows: readonly KuairandRow[]
  /** One example a row, in the same order; counters from rows of strictly smaller time, of training and test alike. */
  readonly slates: readonly SlateExamples[]
  readonly train: Int32Array
  /** The last tenth of the days before the test slice: for choosing settings. */
  readonly validation: Int32Array
  readonly test: Int32Array
}

export function kuairandFrame(tables: KuairandTables): KuairandFrame {
  const { rows } = tables
  const indices = rows.map((_, i) => i)
  const early = indices.filter((i) => rows[i]!.date <= lastTrainingDate)
  const cut = early.length - Math.floor(early.length / 10)
  return {
    rows,
    slates: examplesOf(tables),
    train: Int32Array.from(early.slice(0, cut)),
    validation: Int32Array.from(early.slice(cut)),
    test: Int32Array.from(indices.filter((i) => rows[i]!.date > lastTrainingDate)),
  }
}

function examplesOf({ rows, users, videos }: KuairandTables): SlateExamples[] {
  const tallies = { user: new Map<string, Tally>(), item: new Map<string, Tally>() }
  const slates: SlateExamples[] = []
  for (let from = 0; from < rows.length; ) {
    let to = from
    // Rows of one time see each other's past, not each other.
    while (to < rows.length && rows[to]!.atMs === rows[from]!.atMs) to++
    const together = rows.slice(from, to)
    for (const row of together) slates.push(exampleOf(row))
    for (const row of together) {
      count(tallies.user, row.userId, row)
      count(tallies.item, row.itemId, row)
    }
    from = to
  }
  return slates

  function exampleOf(row: KuairandRow): SlateExamples {
    return {
      slateId: `kuairand-${row.userId}-${row.atMs}-${row.itemId}`,
      input: {
        userId: row.userId,
        occurredAtMs: row.atMs,
        user: users.get(row.userId) ?? {},
        context: { hour: row.hour },
        history: [],
        userTally: tallies.user.get(row.userId) ?? null,
        candidates: [
          {
            itemId: row.itemId,
            features: { ...videos.get(row.itemId), ...inlineFeatures(row) },
            tally: tallies.item.get(row.itemId) ?? null,
            userItemTally: null,
          },
        ],
      },
      impressions: [
        {
          candidate: 0,
          position: 0,
          feedback: row.kinds.map((kind) => ({ kind, value: null, occurredAtMs: row.atMs })),
        },
      ],
      watermarkMs: Number.POSITIVE_INFINITY,
    }
  }
}

function count(tallies: Map<string, Tally>, id: string, { kinds, atMs }: KuairandRow): void {
  const shown = addImpression(tallies.get(id) ?? emptyTally, atMs, false)
  tallies.set(
    id,
    kinds.reduce((tally, kind) => addFeedback(tally, kind, atMs, false), shown),
  )
}
