import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { deadLettersCommand } from '../../../services/cli/dead-letters.ts'
import type { LetterBody } from '../../../services/ranker/routes/dead-letters.ts'
import { type Asked, fakeService, run } from './command-line.ts'

const letter = (id: number, changes: Partial<LetterBody> = {}): LetterBody => ({
  id,
  eventId: 'e1',
  code: 'EVENT_FIELD_MISSING',
  path: '/kind',
  message: 'The field "kind" is missing; add it.',
  source: 'rest',
  receivedAt: '2026-01-31T08:00:00.000Z',
  topic: null,
  partition: null,
  offset: null,
  attempts: 1,
  resolution: null,
  resolvedAt: null,
  ...changes,
})
const withPayload = (bytes: Uint8Array, changes: Partial<LetterBody> = {}) => ({
  ...letter(7, changes),
  payloadBase64: Buffer.from(bytes).toString('base64'),
  payloadText: Buffer.from(bytes).toString('utf8'),
})
const accepted = { eventId: 'e1', outcome: 'accepted' }
const refused = {
  eventId: 'e1',
  outcome: 'quarantined',
  code: 'EVENT_FIELD_UNKNOWN',
  path: '/x',
  message: 'Not known.',
}
const dead = (t: TestContext, url: string, ...words: string[]) => run(t, deadLettersCommand(), ...words, '--url', url)
const places = (asked: readonly Asked[]) => asked.map(({ method, path }) => `${method} ${path}`)

const folder = mkdtempSync(join(tmpdir(), 'polyrank-letters-'))
after(() => rmSync(folder, { recursive: true }))
/** Edits as a person would: by a program of theirs. */
const withEditor = (t: TestContext, script: string) => {
  const before = { ...process.env }
  t.after(() => {
    process.env = before
  })
  const editor = join(folder, 'editor.sh')
  writeFileSync(editor, `#!/bin/sh\n${script}\n`)
  chmodSync(editor, 0o755)
  process.env = { ...before, VISUAL: '', EDITOR: editor }
}

test('letters are listed a line each, as far as they are asked for', async (t) => {
  const { url, asked } = await fakeService(() => ({ body: { deadLetters: [letter(8, { path: '' }), letter(7)] } }))

  const { output } = await dead(t, url, 'list', '--code', 'A B', '--before', '9')
  const json = await dead(t, url, 'list', '--json')

  assert.deepEqual(output.split('\n'), [
    '8  2026-01-31T08:00:00.000Z  EVENT_FIELD_MISSING at the top  e1  from rest',
    '7  2026-01-31T08:00:00.000Z  EVENT_FIELD_MISSING at /kind  e1  from rest',
    '',
  ])
  assert.deepEqual(JSON.parse(json.output), [letter(8, { path: '' }), letter(7)])
  assert.deepEqual(places(asked), ['GET /v1/dead-letters?code=A+B&before=9', 'GET /v1/dead-letters'])
})

test('one is shown with what is wrong and its payload', async (t) => {
  const { url } = await fakeService(() => ({ body: withPayload(Buffer.from('{"a": 1}')) }))

  const { output } = await dead(t, url, 'show', '7')

  assert.match(output, /^7 {2}.*\n {2}The field "kind" is missing; add it\.\n\n\{"a": 1\}\n$/)
})

test('edit takes the event once more as the editor leaves it', async (t) => {
  withEditor(t, `sed -i 's/"a"/"b"/' "$1"`)
  const { url, asked } = await fakeService(({ method }) => ({
    body: method === 'POST' ? accepted : withPayload(Buffer.from('{"a": "\u{1f600}"}')),
  }))

  const { output, code } = await dead(t, url, 'edit', '7')

  assert.deepEqual(places(asked), ['GET /v1/dead-letters/7', 'POST /v1/dead-letters/7/replay'])
  assert.equal(asked[1]!.body, '{"b": "\u{1f600}"}')
  assert.deepEqual([output, code], ['1 taken, 0 set aside again\n', 0])
})

test('edit sends nothing where nothing was changed, the editor failed, or the payload is no text', async (t) => {
  const { url, asked } = await fakeService(({ path }) => ({
    body: withPayload(path.endsWith('/8') ? Uint8Array.of(0xff) : Buffer.from('{"a": 1}')),
  }))

  withEditor(t, 'echo >> "$1"')
  const unchanged = await dead(t, url, 'edit', '7')
  await assert.rejects(dead(t, url, 'edit', '8'), { code: 'DEAD_LETTER_NOT_TEXT', message: /--file/ })
  withEditor(t, 'exit 3')
  await assert.rejects(dead(t, url, 'edit', '7'), { code: 'EDITOR_FAILED', message: /ended with 3/ })

  assert.match(unchanged.errors, /Nothing was changed/)
  assert.ok(asked.every(({ method }) => method === 'GET'))
})

test('edit leaves nothing of the event behind', async (t) => {
  withEditor(t, `echo "$1" > "${join(folder, 'seen')}"; echo x >> "$1"`)
  const { url } = await fakeService(({ method }) => ({
    body: method === 'POST' ? accepted : withPayload(Buffer.from('{}')),
  }))

  await dead(t, url, 'edit', '7')

  assert.throws(() => readFileSync(readFileSync(join(folder, 'seen'), 'utf8').trim()), { code: 'ENOENT' })
})

test('a letter that has ended is not edited', async (t) => {
  const { url } = await fakeService(() => ({ body: withPayload(new Uint8Array(), { resolution: 'dropped' }) }))

  await assert.rejects(dead(t, url, 'edit', '7'), { code: 'DEAD_LETTER_ENDED', message: /7 was dropped/ })
})

test('a mended event may come from a file, and one that is still bad exits 1 with its fault', async (t) => {
  const { url, asked } = await fakeService(() => ({ body: refused }))
  const file = join(folder, 'mended.json')
  writeFileSync(file, '{"x": 1}')

  const { output, code } = await dead(t, url, 'edit', '7', '--file', file)

  assert.deepEqual([asked[0]!.body, places(asked)], ['{"x": 1}', ['POST /v1/dead-letters/7/replay']])
  assert.deepEqual([output, code], ['7: EVENT_FIELD_UNKNOWN at /x: Not known.\n0 taken, 1 set aside again\n', 1])
})

test('all of one fault are replayed, oldest first, page by page, and those that ended meanwhile are passed over', async (t) => {
  const ended = { status: 404, body: { code: 'DEAD_LETTER_ENDED', detail: 'It was dropped.' } }
  const { url, asked } = await fakeService(({ method, path }) => {
    if (method === 'POST') return path.includes('/8/') ? ended : { body: path.includes('/3/') ? refused : accepted }
    const before = Number(new URLSearchParams(path.split('?')[1]).get('before') ?? 99)
    return {
      body: {
        deadLetters: [9, 8, 3]
          .filter((id) => id < before)
          .slice(0, 2)
          .map((id) => letter(id)),
      },
    }
  })

  const { output, code } = await dead(t, url, 'replay', '--all', '--code', 'X', '--json')

  assert.deepEqual(
    asked.filter(({ method }) => method === 'POST').map(({ path }) => path),
    [3, 8, 9].map((id) => `/v1/dead-letters/${id}/replay`),
  )
  assert.ok(asked.filter(({ method }) => method === 'GET').every(({ path }) => path.includes('code=X')))
  assert.deepEqual(JSON.parse(output), [
    { id: 3, ...refused },
    { id: 9, ...accepted },
  ])
  assert.equal(code, 1)
})

test('letters are dropped by their ids', async (t) => {
  const { url, asked } = await fakeService(() => ({ body: letter(7, { resolution: 'dropped' }) }))

  const { output } = await dead(t, url, 'drop', '7', '9')

  assert.deepEqual(places(asked), ['DELETE /v1/dead-letters/7', 'DELETE /v1/dead-letters/9'])
  assert.equal(output, '2 dropped\n')
})

test('neither all nor some, both at once, a fault without all, and what is no id are refused', async (t) => {
  const { url, asked } = await fakeService(() => ({ body: {} }))

  for (const words of [[], ['7', '--all'], ['7', '--code', 'X'], ['--code', 'X'], ['seven'], ['-1']]) {
    for (const verb of ['replay', 'drop']) {
      const refusal = dead(t, url, verb, ...words).then(
        ({ code }) => assert.equal(code, 1),
        ({ code }) => {
          assert.equal(code, 'ARGUMENT_INVALID', words.join(' '))
        },
      )
      await refusal
    }
  }
  assert.deepEqual(asked, [])
})
