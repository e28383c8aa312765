import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mentions } from '../../../pipelines/retention/mentions.ts'

const bytes = (text: string) => new TextEncoder().encode(text)

test('an id is found as it is, in JSON that is whole or broken, and in what is none', () => {
  for (const text of [
    'u1',
    '{"userId":"u1"}',
    '{"userId": "u1"',
    'userId=u1&x=2',
    "{'u1'}",
    '["a","u1"]',
    '\u0000u1\u0000',
  ])
    assert.equal(mentions(bytes(text), 'u1'), true, text)
})

test('an id is not found within a longer one', () => {
  for (const text of ['u12', 'menu1', '{"userId":"u1-2"}', 'ü1 u_1', 'xu1x', 'u1_', 'éu1'])
    assert.equal(mentions(bytes(text), 'u1'), false, text)
  assert.equal(mentions(bytes('u12 then u1'), 'u1'), true)
})

test('an id that is escaped is found, whichever of its letters are, and within a string of JSON', () => {
  for (const text of [
    '{"userId":"\\u00751"}',
    '"\\u0075\\u0031"',
    '{"body":"{\\"userId\\":\\"\\\\u00751\\"}"}',
    '\\u0075\\u0031',
  ])
    assert.equal(mentions(bytes(text), 'u1'), true, text)
  assert.equal(mentions(bytes('"a\\/b"'), 'a/b'), true)
  assert.equal(mentions(bytes('"a\\tb"'), 'a\tb'), true)
  assert.equal(mentions(bytes('"\\u00e9\\u00E8"'), 'éè'), true)
})

test('an id is found in other encodings', () => {
  assert.equal(mentions(Buffer.from('{"userId":"u1"}', 'utf16le'), 'u1'), true)
  assert.equal(mentions(Buffer.from('Zoë', 'latin1'), 'Zoë'), true)
  assert.equal(mentions(Buffer.from('Zoë', 'utf16le'), 'Zoë'), true)
})

test('whatever the id and its neighbours in JSON, and wherever in a larger buffer it lies, it is found', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), fc.string(), fc.nat(9), (id, other, depth) => {
      fc.pre(!id.includes('\u0000'))
      let text = JSON.stringify({ other, userId: id, last: other })
      if (depth > 6) text = JSON.stringify({ body: text })
      const padded = Buffer.concat([Buffer.alloc(depth), bytes(text), Buffer.alloc(depth)])
      assert.equal(mentions(padded.subarray(depth, padded.length - depth), id), true)
      assert.equal(mentions(bytes(text.slice(0, -2)), id), true)
    }),
  )
})
