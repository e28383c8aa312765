import type { PositionStore } from '../../../pipelines/ingest/ports.ts'
import type { Pool } from './pool.ts'

export const createPositionStore = (pool: Pool): PositionStore => ({
  async list(group) {
    const { rows } = await pool.query<{ topic: string; partition: number; nextOffset: number; watermarkMs: number }>(
      `select topic, partition, next_offset as "nextOffset", watermark_ms as "watermarkMs" from positions
       where consumer_group = $1 order by topic, partition`,
      [group],
    )
    return rows
  },
  async begin(group, source, positions) {
    await pool.query(
      `insert into positions (consumer_group, source, topic, partition, next_offset, watermark_ms)
       select $1, $2, * from unnest($3::text[], $4::int[], $5::bigint[], $6::bigint[]) on conflict do nothing`,
      [group, source, ...columns(positions)],
    )
  },
  async idle(group, positions) {
    await pool.query(
      `update positions p set watermark_ms = greatest(p.watermark_ms, idle.watermark_ms)
       from unnest($2::text[], $3::int[], $4::bigint[], $5::bigint[]) as idle (topic, partition, next_offset, watermark_ms)
       where p.consumer_group = $1 and p.topic = idle.topic and p.partition = idle.partition and p.next_offset = idle.next_offset`,
      [group, ...columns(positions)],
    )
  },
  async reset(group, topic, partition, nextOffset) {
    const { rowCount } = await pool.query(
      'update positions set next_offset = $4 where consumer_group = $1 and topic = $2 and partition = $3',
      [group, topic, partition, nextOffset],
    )
    return rowCount === 1
  },
  forget: async (group, topic) =>
    (await pool.query('delete from positions where consumer_group = $1 and topic = $2', [group, topic])).rowCount,
})

const columns = (positions: Parameters<PositionStore['begin']>[2]) => [
  positions.map(({ topic }) => topic),
  positions.map(({ partition }) => partition),
  positions.map(({ nextOffset }) => nextOffset),
  positions.map(({ watermarkMs }) => watermarkMs),
]
