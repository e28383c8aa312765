import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import type { Command } from 'commander'
import { deadLettersCommand } from '../../services/cli/dead-letters.ts'
import { eventsCommand } from '../../services/cli/events.ts'
import { polyrank, run } from '../services/cli/command-line.ts'
import { freePort, type Service, startService, temporaryFolder, until } from './process.ts'
import { smallEvents, writeConfig } from './small-world.ts'

const folder = temporaryFolder()
let service: Service
before(async () => {
  writeConfig(folder)
  service = startService(folder, await freePort())
  await service.printed(/^Ready/m)
})
after(async () => {
  assert.equal(await service.kill('SIGTERM'), 0, service.output())
})

const ask = async (t: TestContext, command: Command, ...words: string[]) =>
  run(t, command, ...words, '--json', '--url', service.url)
const fileOf = (name: string, lines: readonly object[]) => {
  const file = join(folder, name)
  writeFileSync(file, lines.map((line) => JSON.stringify(line)).join('\n'))
  return file
}

test('events go in, the broken one is found, mended and joined, and all are seen to come in', async (t) => {
  const all = smallEvents(20)
  const place = all.findIndex(({ type }) => type === 'feedback')
  const broken = { ...all[place]!, colour: 'red' }

  const sent = await ask(t, eventsCommand(), 'send', fileOf('events.ndjson', all.with(place, broken as never)))
  const { quarantined, accepted, faults } = JSON.parse(sent.output)
  const trail = JSON.parse((await ask(t, eventsCommand(), 'show', broken.eventId)).output)
  const mended = fileOf('mended.json', [all[place]!])
  const edited = await ask(t, deadLettersCommand(), 'edit', `${trail.deadLetter.id}`, '--file', mended)

  assert.deepEqual([accepted, quarantined, faults[0].line, faults[0].path], [all.length - 1, 1, place + 1, '/colour'])
  assert.equal(trail.state, 'quarantined')
  assert.deepEqual(JSON.parse(edited.output), [
    { id: trail.deadLetter.id, eventId: broken.eventId, outcome: 'accepted' },
  ])
  await until(async () => {
    const { state } = JSON.parse((await ask(t, eventsCommand(), 'show', broken.eventId)).output)
    return state === 'joined'
  }, 'the mended event to be joined')
  await until(async () => {
    const { output } = await ask(t, eventsCommand(), 'tail', '--limit', '1000')
    const ids = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line || '{}').eventId)
    return new Set(ids).size === all.length && ids.at(-1) === broken.eventId
  }, 'all events to be told')
  await assert.rejects(ask(t, deadLettersCommand(), 'drop', `${trail.deadLetter.id}`), { code: 'DEAD_LETTER_ENDED' })
})

test('a file of the past goes in beside the running service, and is joined by it', async (t) => {
  const rows = Array.from({ length: 300 }, (_, i) => `u${i % 7},i${i % 40},${1_600_000_000 + ((i * 71) % 300)}`)
  const file = join(folder, 'ratings.csv')
  writeFileSync(file, `user,movie,ts\n${rows.join('\n')}`)
  const maps = ['user=userId', 'movie=itemId', 'ts=occurredAt'].flatMap((pair) => ['--map', pair])
  const words = [
    'import',
    file,
    '--source',
    'past',
    '--type',
    'feedback',
    ...maps,
    '--time-unit',
    's',
    '--set',
    'kind=click',
  ]

  const imported = await polyrank(words, { POLYRANK_DATA: join(folder, 'data') }, folder)

  assert.equal(imported.code, 0, imported.errors)
  assert.match(imported.output, /^300 rows into "past": 300 accepted, 0 duplicate, 0 quarantined$/m)
  await until(async () => {
    for (const row of [1, 150, 300]) {
      const { output } = await ask(t, eventsCommand(), 'show', `past-feedback-${row}`)
      if (JSON.parse(output).state !== 'joined') return false
    }
    return true
  }, 'the file to be joined')
})
