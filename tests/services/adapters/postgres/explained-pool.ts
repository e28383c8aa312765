import type pg from 'pg'
import type { Pool } from '../../../../services/adapters/postgres/pool.ts'

export interface PlanNode {
  readonly type: string
  readonly relation: string | null
  /** Null where the statement changes something, and so was planned only. */
  readonly loops: number | null
}
export interface Explained {
  readonly text: string
  readonly nodes: readonly PlanNode[]
}

interface Plan {
  readonly 'Node Type': string
  readonly 'Relation Name'?: string
  readonly 'Actual Loops'?: number
  readonly Plans?: readonly Plan[]
}
const nodesOf = (plan: Plan): PlanNode[] => [
  {
    type: plan['Node Type'],
    relation: plan['Relation Name'] ?? null,
    loops: plan['Actual Loops'] ?? null,
  },
  ...(plan.Plans ?? []).flatMap(nodesOf),
]

const isPlanned = (text: string) => /^\s*(?:select|with|insert|update|delete)\b/i.test(text)
const onlyReads = (text: string) => /^\s*select\b/i.test(text) && !/for update|pg_\w+/i.test(text)

/** The same pool; each statement is explained first, with its values, in its transaction. */
export function explainedPool(pool: Pool): { readonly pool: Pool; readonly explained: Explained[] } {
  const explained: Explained[] = []
  const explain = async (client: pg.PoolClient, text: string, values: unknown[]) => {
    if (!isPlanned(text)) return
    const options = onlyReads(text) ? 'analyze, format json' : 'format json'
    const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(`explain (${options}) ${text}`, values)
    explained.push({ text, nodes: nodesOf(rows[0]!['QUERY PLAN'][0].Plan) })
  }
  const checkout = async () => {
    const client = await pool.checkout()
    const query = async (text: string, values: unknown[]) => {
      await explain(client, text, values)
      return client.query(text, values)
    }
    return new Proxy(client, {
      get(target, key) {
        if (key === 'query') return query
        const value: unknown = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }
  return {
    explained,
    pool: {
      ...pool,
      checkout,
      async query(text, values = []) {
        const client = await pool.checkout()
        try {
          await explain(client, text, [...values])
        } finally {
          client.release()
        }
        return pool.query(text, values)
      },
    },
  }
}
