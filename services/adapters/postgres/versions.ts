import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import type { Activation, ModelVersion, VersionRegistry } from '../../../pipelines/promotion/ports.ts'
import type { Quantization } from '../../../pipelines/training/quantization.ts'
import { type Pool, type Sql, transaction } from './pool.ts'
import { signal } from './signals.ts'

const columns = `version, ranker, v.definition_hash as "definitionHash", r.definition, parent, started_from as "startedFrom",
  learnt_erased_at_ms as "learntErasedAtMs", metrics, quantization,
  trained_from_ms as "trainedFromMs", trained_to_ms as "trainedToMs", examples, files,
  read_at_ms as "readAtMs", created_at_ms as "createdAtMs"`
const from = 'from model_versions v join rankers r on r.name = v.ranker and r.definition_hash = v.definition_hash'
type VersionRow = Omit<ModelVersion, 'quantization' | 'startedFrom' | 'learntErasedAtMs'> & {
  readonly quantization: Quantization | null
  readonly startedFrom: string | null
  readonly learntErasedAtMs: number | null
  [column: string]: unknown
}

const toVersion = ({ quantization, startedFrom, learntErasedAtMs, ...version }: VersionRow): ModelVersion => ({
  ...version,
  ...(quantization === null ? {} : { quantization }),
  ...(startedFrom === null ? {} : { startedFrom }),
  ...(learntErasedAtMs === null ? {} : { learntErasedAtMs }),
})

/** Notes which definitions there have been; models and slates refer to them. */
export async function rememberRanker(
  sql: Sql,
  definition: RankerDefinition,
  hash: string,
  nowMs: number,
): Promise<void> {
  await sql.query(
    'insert into rankers (name, definition_hash, definition, first_seen_at_ms) values ($1, $2, $3, $4) on conflict do nothing',
    [definition.name, hash, JSON.stringify(definition), nowMs],
  )
}

export const createVersionRegistry = (pool: Pool): VersionRegistry => ({
  publish: (version) =>
    transaction(pool, async (sql) => {
      await rememberRanker(sql, version.definition, version.definitionHash, version.createdAtMs)
      // An erasure that begins now sees this version; what it takes away may be in one of a training that read before it ended.
      await sql.query('lock table erasures in share mode')
      await sql.query(
        `insert into model_versions (version, ranker, definition_hash, parent, metrics, trained_from_ms, trained_to_ms,
           examples, files, read_at_ms, created_at_ms, quantization, started_from, learnt_erased_at_ms)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, greatest(
           (select max(erased_at_ms) from erasures where ended_at_ms is null or ended_at_ms >= $10),
           (select learnt_erased_at_ms from model_versions where version = $13)
         )) on conflict (version) do nothing`,
        [
          version.version,
          version.ranker,
          version.definitionHash,
          version.parent,
          JSON.stringify(version.metrics),
          version.trainedFromMs,
          version.trainedToMs,
          version.examples,
          JSON.stringify(version.files),
          version.readAtMs,
          version.createdAtMs,
          version.quantization === undefined ? null : JSON.stringify(version.quantization),
          version.startedFrom ?? null,
        ],
      )
    }),
  async find(version) {
    const { rows } = await pool.query<VersionRow>(`select ${columns} ${from} where version = $1`, [version])
    return rows.map(toVersion)[0] ?? null
  },
  async list(ranker) {
    const { rows } = await pool.query<VersionRow>(
      `select ${columns} ${from} where ranker = $1 order by created_at_ms desc, version limit 100`,
      [ranker],
    )
    return rows.map(toVersion)
  },
  async activate({ ranker, version, reason, activatedAtMs }) {
    await pool.query(
      `insert into activations (ranker, version, reason, activated_at_ms) values ($1, $2, $3, $4)
       returning ${signal('activation')}`,
      [ranker, version, reason, activatedAtMs],
    )
  },
  async active(ranker) {
    const { rows } = await pool.query<Activation & { [column: string]: unknown }>(
      `select ranker, version, reason, activated_at_ms as "activatedAtMs" from activations
       where ranker = $1 order by sequence desc limit 1`,
      [ranker],
    )
    return rows[0] ?? null
  },
})
