import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { blockingIndexesIn, contractionsIn } from './contraction.ts'

const folder = join(import.meta.dirname, '..', '..', 'migrations')
const files = readdirSync(folder)
  .sort()
  .map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }))
/** Small by nature: a row stands for a letter that somebody has to look at. */
const smallTables = ['dead_letters']

for (const [place, { name, text }] of files.entries()) {
  test(`${name} only adds, so that the release before goes on`, () => {
    assert.deepEqual(
      contractionsIn(text),
      [],
      'Add first; remove in a later release, in a file that begins "-- contract".',
    )
  })

  test(`${name} builds no index of a table that may be large while others wait`, () => {
    const earlier = files.slice(0, place).map((file) => file.text)
    const blocking = blockingIndexesIn(text, earlier).filter(
      (each) => !smallTables.some((table) => each.includes(` on ${table} `)),
    )

    assert.deepEqual(blocking, [], 'Use "create index concurrently" in a file that begins "-- no transaction".')
  })
}

const contracting = [
  'drop table a',
  'alter table a drop column b',
  'alter table a drop constraint b',
  'alter table a rename to b',
  'alter table a rename column b to c',
  'alter table a alter column b set not null',
  'alter table a add column b int not null',
  'alter table a add column c text default 1, add column b int not null, add column d int',
  'alter table a alter column b type bigint',
  'alter table a alter column b set data type bigint using b::bigint',
  'alter table a add constraint c check (b > 0)',
  'update a set b = 1',
  'delete from a',
  'truncate a',
  'drop index b',
  'drop index concurrently if exists b; create index concurrently c on a (b)',
  '-- A remark.\nALTER TABLE a\n  DROP COLUMN b',
]
for (const statement of contracting) {
  test(`it would be seen that this does more than add: ${statement}`, () => {
    assert.equal(contractionsIn(`create table x (y int);\n${statement};`).length, 1)
    assert.deepEqual(contractionsIn(`-- contract\n${statement};`), [])
  })
}

const adding = [
  'create table a (b int not null, type text not null, check (b > 0))',
  'alter table a add column b int, add column c int not null default 1',
  'alter table a add column type text',
  'alter table a alter column b drop not null',
  'alter table a alter column b set statistics 0',
  'alter table a set (fillfactor = 80)',
  'drop index concurrently if exists b; create index concurrently if not exists b on a (b)',
  '-- This would drop column b and rename c.\ncreate index b on a (b)',
]
for (const statement of adding) {
  test(`it is seen that this only adds: ${statement}`, () => {
    assert.deepEqual(contractionsIn(`${statement};`), [])
  })
}

test('an index of a table that the same file makes holds nobody up, one of an older table does', () => {
  const older = ['create table a (b int);']
  const index = 'create unique index i\n  on a (b)'

  assert.deepEqual(blockingIndexesIn(`${index};`, older), [index])
  assert.deepEqual(blockingIndexesIn(`create table c (b int); create index i on c (b);`, older), [])
  assert.deepEqual(blockingIndexesIn('create index concurrently i on a (b);', older), [])
})
