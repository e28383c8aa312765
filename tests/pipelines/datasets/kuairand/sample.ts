import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type KuairandTables, readKuairand } from '../../../../pipelines/datasets/kuairand/tables.ts'

const folder = join(import.meta.dirname, '..', '..', '..', '..', 'pipelines', 'datasets', 'kuairand')
const textOf = (file: string) => gunzipSync(readFileSync(join(folder, `${file}.csv.gz`))).toString('utf8')

/** The bundled sample. */
export const readSample = (): KuairandTables =>
  readKuairand({
    interactions: textOf('interactions'),
    users: textOf('user_features'),
    videos: textOf('video_features_basic_pool_only'),
  })

/** The sample's first rows, as if there were no more. */
export const firstRows = ({ rows, users, videos }: KuairandTables, count: number): KuairandTables => ({
  ...{ rows: rows.slice(0, count), users, videos },
})
