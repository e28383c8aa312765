import { type Pool, type Sql, transaction } from './pool.ts'

/** Any number that nothing else locks in the same database, as in `migrate.ts`. */
const lockKey = 0x6a6f696e

/** A transaction beside which nothing is joined: all sources change the same tallies and histories. */
export const besideJoin = <Result>(pool: Pool, work: (sql: Sql) => Promise<Result>): Promise<Result> =>
  transaction(pool, async (sql) => {
    await sql.query('select pg_advisory_xact_lock($1)', [lockKey])
    return work(sql)
  })
