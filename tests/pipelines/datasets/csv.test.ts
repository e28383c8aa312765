import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readCsv } from '../../../pipelines/datasets/csv.ts'

const rowsOf = (text: string) => [...readCsv(text)]

test('each line after the header is a record by column name', () => {
  assert.deepEqual(rowsOf('id,name\n1,one\n2,two\n'), [
    { id: '1', name: 'one' },
    { id: '2', name: 'two' },
  ])
})

test('a file may end with or without a line end, be empty, or have a header alone', () => {
  assert.deepEqual(rowsOf('id\n1'), [{ id: '1' }])
  assert.deepEqual(rowsOf(''), [])
  assert.deepEqual(rowsOf('id,name'), [])
  assert.deepEqual(rowsOf('id,name\n'), [])
})

test('lines may end with a carriage return too', () => {
  assert.deepEqual(rowsOf('id,name\r\n1,one\r\n2,"two"\r\n'), [
    { id: '1', name: 'one' },
    { id: '2', name: 'two' },
  ])
})

test('quoted fields hold commas, quotes and line ends', () => {
  assert.deepEqual(rowsOf('id,text\n1,"a, ""b""\r\nc"\n2,""\n'), [
    { id: '1', text: 'a, "b"\r\nc' },
    { id: '2', text: '' },
  ])
})

test('empty and missing cells are empty texts, wherever they stand', () => {
  assert.deepEqual(rowsOf('a,b,c\n,,\n1,,3\n,2,\n1\n'), [
    { a: '', b: '', c: '' },
    { a: '1', b: '', c: '3' },
    { a: '', b: '2', c: '' },
    { a: '1', b: '', c: '' },
  ])
})

test('cells beyond the header are left out, and blanks inside a cell are kept', () => {
  assert.deepEqual(rowsOf('a\n 1 ,2\n'), [{ a: ' 1 ' }])
})

test('a quote that is never closed holds the rest of the text', () => {
  assert.deepEqual(rowsOf('a,b\n1,"2,3\n4'), [{ a: '1', b: '2,3\n4' }])
})

test('what stands after a closing quote belongs to its field', () => {
  assert.deepEqual(rowsOf('a,b\n"5"" screen" ,x\n"1"2,y\n'), [
    { a: '5" screen ', b: 'x' },
    { a: '12', b: 'y' },
  ])
})

test('a carriage return alone ends a line, too', () => {
  assert.deepEqual(rowsOf('a,b\r1,2\r3,4'), [
    { a: '1', b: '2' },
    { a: '3', b: '4' },
  ])
})

test('what is written with every field in quotes reads back the same', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', ',', '"', '\n', '\r', ' ', 'é') })
  const quoted = (fields: readonly string[]) => fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(',')
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 5 }), fc.constantFrom('\n', '\r\n'), (rows, lineEnd) => {
      const text = ['a,b', ...rows.map(quoted)].join(lineEnd)

      assert.deepEqual(
        rowsOf(text).map(({ a, b }) => [a, b]),
        rows,
      )
    }),
  )
})
