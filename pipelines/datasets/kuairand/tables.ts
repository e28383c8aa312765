import { userNumberFields } from '../../../models/presets/kuairand.ts'
import type { FeatureValue, FeatureValues } from '../../../models/spec/features.ts'
import { readCsv } from '../csv.ts'

/** The decompressed text of the three files. */
export interface KuairandTexts {
  readonly interactions: string
  readonly users: string
  readonly videos: string
}

/** One impression, and the kinds of feedback that it got. */
export interface KuairandRow {
  readonly userId: string
  readonly itemId: string
  readonly atMs: number
  /** yyyymmdd, in China. */
  readonly date: number
  readonly hour: string
  readonly durationMs: number
  readonly kinds: readonly string[]
}

export interface KuairandTables {
  /** By (time, user, video), ids as numbers. */
  readonly rows: readonly KuairandRow[]
  readonly users: ReadonlyMap<string, FeatureValues>
  readonly videos: ReadonlyMap<string, FeatureValues>
}

/** Columns of the log that are feedback, and the kinds they become. */
const feedbackColumns = Object.entries({
  is_click: 'click',
  long_view: 'long_view',
  is_like: 'like',
  is_comment: 'comment',
  is_profile_enter: 'profile_enter',
  is_forward: 'forward',
  is_follow: 'follow',
})

export function readKuairand(texts: KuairandTexts): KuairandTables {
  const rows = [...readCsv(texts.interactions)].map((row) => ({
    userId: row.user_id!,
    itemId: row.video_id!,
    atMs: Number(row.time_ms),
    date: Number(row.date),
    hour: String(Math.floor(Number(row.hourmin) / 100)),
    durationMs: Number(row.duration_ms),
    kinds: feedbackColumns.filter(([column]) => row[column] === '1').map(([, kind]) => kind),
  }))
  rows.sort((a, b) => a.atMs - b.atMs || Number(a.userId) - Number(b.userId) || Number(a.itemId) - Number(b.itemId))
  const attributes = (idColumn: string, text: string, isNumber: (column: string) => boolean) =>
    new Map(
      [...readCsv(text)].map((row) => {
        const values = Object.entries(row).filter(([column]) => column !== idColumn)
        const typed = values.map(([column, value]): [string, FeatureValue] => [
          column,
          isNumber(column) ? Number(value) : value,
        ])
        return [row[idColumn]!, Object.fromEntries(typed)]
      }),
    )
  return {
    rows,
    users: attributes('user_id', texts.users, (column) => userNumberFields.includes(column)),
    videos: attributes('video_id', texts.videos, () => false),
  }
}

/** What the log says of a video in one impression; 0 stands for a duration that is not known. */
export const inlineFeatures = ({ durationMs }: KuairandRow): FeatureValues => ({
  durationMs,
  durationIsZero: durationMs === 0 ? 1 : 0,
})
