import pg from 'pg'
import { Fault } from '../../../models/spec/fault.ts'
import { readOnly, storageFault } from './faults.ts'

/** What repositories are built from: the pool, or one transaction. Rejects with the Faults of `storageFault` only. */
export interface Sql {
  /** `int8` and `numeric` counts arrive as numbers; one beyond 2^53 is a Fault `NUMBER_TOO_LARGE`. */
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<SqlResult<Row>>
}
export interface SqlResult<Row> {
  readonly rows: readonly Row[]
  /** Rows that the statement returned or changed. */
  readonly rowCount: number
}

export interface Pool extends Sql {
  /** One connection, the caller's until it is released. */
  checkout(): Promise<pg.PoolClient>
  close(): Promise<void>
}

const connectTimeoutMs = 10_000
const statementTimeoutMs = 60_000
/**
 * Rows are looked up by key, and most of those looked for are new and in memory: the planner's own price of such a look is
 * that of a turning disk, for which it would rather read a table from end to end. None of the statements is so long that
 * compiling it pays; with many partitions, it costs seconds.
 */
const plannerOptions = '-c random_page_cost=1.1 -c jit=off'
/** Sooner than routers forget a connection on which nothing is said. */
const keepAliveAfterMs = 30_000

const int8 = 20
const parseInt8 = (text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) {
    throw new Fault('NUMBER_TOO_LARGE', `${text} does not fit a number exactly; select it as text.`)
  }
  return value
}

/** On a connection's end while it is idle, `onLost` hears of it; the pool opens another when one is needed. */
export function createPool(connection: pg.PoolConfig, onLost: (fault: Fault) => void): Pool {
  const pool = new pg.Pool({
    application_name: 'polyrank',
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveAfterMs,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    // The embedded database cannot cancel a statement, so the client gives up by itself, a little later.
    query_timeout: statementTimeoutMs + 5_000,
    idle_in_transaction_session_timeout: statementTimeoutMs,
    ...connection,
    options: `${plannerOptions} ${connection.options ?? ''}`,
    types: {
      getTypeParser: ((oid: number, format: 'text') =>
        oid === int8 ? parseInt8 : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
    },
  })
  pool.on('error', (error) => onLost(storageFault(error)))
  // A connection that ends while it is checked out says so here too; without a listener that would end the process.
  pool.on('connect', (client) => client.on('error', () => {}))
  return {
    query: (text, values) => query(pool, text, values),
    async checkout() {
      try {
        return await pool.connect()
      } catch (error) {
        throw storageFault(error)
      }
    },
    close: () => pool.end(),
  }
}

async function query<Row extends pg.QueryResultRow>(
  connection: pg.Pool | pg.PoolClient,
  text: string,
  values: readonly unknown[] = [],
): Promise<SqlResult<Row> & { readonly command: string }> {
  try {
    const { rows, rowCount, command } = await connection.query<Row>(text, values as unknown[])
    return { rows, rowCount: rowCount ?? 0, command }
  } catch (error) {
    throw storageFault(error)
  }
}

/**
 * Runs `work` in one transaction, with repositories that it builds from `sql`; anything it throws rolls back. Statements
 * that are asked at once run one after the other, none after one that failed. On the embedded database nothing else runs
 * until it ends: keep it short, and MUST NOT wait for another connection inside.
 */
export async function transaction<Result>(pool: Pool, work: (sql: Sql) => Promise<Result>): Promise<Result> {
  const client = await pool.checkout()
  let broken: Error | undefined
  let last: Promise<unknown> = Promise.resolve()
  try {
    await query(client, 'begin')
    const result = await work({
      query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]) {
        const own = last.then(() => query<Row>(client, text, values))
        last = own
        return own
      },
    })
    await last
    const { command } = await query(client, 'commit')
    if (command === 'ROLLBACK') {
      throw new Fault('STORAGE_FAILED', 'A statement of the transaction had failed, so nothing of it was kept.')
    }
    return result
  } catch (error) {
    await last.catch(() => {})
    await query(client, 'rollback').catch((failed: Fault) => {
      // A connection that cannot roll back is thrown away, and its transaction with it; the first error says why.
      broken = failed
    })
    const fault = storageFault(error)
    // A server that has become a standby keeps its connections; only a new one leads to that which took its place.
    if (fault.details.sqlState === readOnly) broken = fault
    throw fault
  } finally {
    client.release(broken)
  }
}
