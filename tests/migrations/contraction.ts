/** What a change of tables may not do while the release before still runs, and how to tell it. */
const contractions: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['drops a table, column, constraint, type or the like', /\bdrop\s+(?!not\s+null\b|default\b|index\s+concurrently\b)/],
  ['renames', /\brename\b/],
  ['requires a value of rows that lack it', /\bset\s+not\s+null\b/],
  ['changes a type', /\balter\s+(?:column\s+)?\w+\s+(?:set\s+data\s+)?type\b/],
  ['removes or changes rows', /^\s*(?:delete|truncate|update)\b/],
  ['adds a constraint to rows that others write', /\badd\s+(?:constraint|check|unique|primary|foreign)\b/],
]

const withoutComments = (text: string) => text.replaceAll(/--.*$/gm, '')
const statementsOf = (text: string) =>
  withoutComments(text)
    .split(';')
    .map((each) => each.trim().toLowerCase())
    .filter((each) => each !== '')

/** Why a file's statements would break the release before; none where the file says that it contracts. */
export function contractionsIn(text: string): readonly string[] {
  if (/^-- contract\b/m.test(text)) return []
  const statements = statementsOf(text)
  const made = statements.flatMap(
    (each) => /^create (?:unique )?index concurrently (?:if not exists )?(\w+)/.exec(each)?.[1] ?? [],
  )
  return statements.flatMap((each) => {
    if (each.startsWith('create table')) return []
    const whys = contractions.filter(([, pattern]) => pattern.test(each)).map(([what]) => what)
    if (/\badd\s+column\b/.test(each)) {
      const columns = each.split(/,\s*(?=add\s+column\b)/)
      if (columns.some((column) => /\bnot\s+null\b/.test(column) && !/\b(?:default|generated)\b/.test(column))) {
        whys.push('requires a value that the release before does not give')
      }
    }
    const dropped = /^drop index concurrently (?:if exists )?(\w+)/.exec(each)?.[1]
    if (dropped !== undefined && !made.includes(dropped)) whys.push('drops an index')
    return whys.map((what) => `${what}: ${each}`)
  })
}

/** Indexes of tables that an earlier file made, built while nobody may write. */
export function blockingIndexesIn(text: string, earlier: readonly string[]): readonly string[] {
  const tables = earlier.flatMap((file) =>
    [...file.toLowerCase().matchAll(/^create table (\w+)/gm)].map(([, name]) => name),
  )
  return statementsOf(text).filter((each) => {
    const table = /^create (?:unique )?index (?!concurrently\b).*? on (\w+)/s.exec(each)?.[1]
    return table !== undefined && tables.includes(table)
  })
}
