import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { feedback, openWorld, until, type World } from '../ingestor/kafka-world.ts'

const main = join(import.meta.dirname, '..', '..', '..', 'services', 'cli', 'main.ts')
let world: World
let folder: string
beforeEach(async () => {
  world = await openWorld()
  folder = mkdtempSync(join(tmpdir(), 'polyrank-'))
  await world.makeTopics()
})
afterEach(async () => {
  await world.close()
  rmSync(folder, { recursive: true })
})

function polyrank(...words: readonly string[]) {
  const env = { ...process.env, ...world.environment, DATABASE_URL: world.databaseUrl, POLYRANK_DATA: folder }
  const child = spawn(process.execPath, ['--import', 'tsx', main, ...words], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ran = { output: '', errors: '', child, ended: once(child, 'exit') as Promise<[number | null]> }
  child.stdout.on('data', (chunk) => {
    ran.output += chunk
  })
  child.stderr.on('data', (chunk) => {
    ran.errors += chunk
  })
  return ran
}
async function ranTo(code: number, ...words: readonly string[]) {
  const ran = polyrank(...words)
  const [exit] = await ran.ended
  assert.equal(exit, code, ran.errors)
  return ran
}

test('events come in by the command, the lag is shown and set, and it ends when it is told to', async () => {
  const send = (...ids: readonly string[]) =>
    world.send(
      world.feedbackTopic,
      ids.map((id) => ({ value: feedback(id), partition: 1 })),
    )
  await send('a', 'b')
  const ingest = polyrank('ingest')
  await world.stored(2)
  await until('the position is moved', async () => (await world.position(1))?.nextOffset === 2)
  ingest.child.kill('SIGTERM')
  const [exit] = await ingest.ended
  await send('c')

  const { output: json } = await ranTo(0, 'lag', '--json')
  const { output: table } = await ranTo(0, 'lag')
  const { output: said } = await ranTo(0, 'lag', 'reset', world.feedbackTopic, '1', '--to', 'earliest')
  const { errors } = await ranTo(1, 'lag', 'reset', world.feedbackTopic, '1', '--to', '4')
  const { errors: stillRead } = await ranTo(1, 'lag', 'forget', world.feedbackTopic)
  const { errors: never } = await ranTo(1, 'lag', 'forget', 'nobody.reads.this')

  assert.match(stillRead, /POSITION_IN_USE/)
  assert.match(never, /POSITION_UNKNOWN/)
  assert.deepEqual([exit, ingest.errors], [0, ''])
  assert.match(ingest.output, /^Taking events in from .* as a member of "test-/)
  const lags = JSON.parse(json) as {
    topic: string
    partition: number
    position: number
    end: number
    records: number
  }[]
  assert.equal(lags.length, 8)
  const { position, end, records } = lags.find((lag) => lag.topic === world.feedbackTopic && lag.partition === 1)!
  assert.deepEqual({ position, end, records }, { position: 2, end: 3, records: 1 })
  assert.match(table, new RegExp(`^${world.feedbackTopic} +1 +2 +3 +1 `, 'm'))
  assert.equal(said, `Partition 1 of "${world.feedbackTopic}" goes on at 0\n`)
  assert.equal((await world.position(1))?.nextOffset, 0)
  assert.match(errors, /an offset from 0 to 3\. \[OFFSET_INVALID\]/)
})

test('without brokers both commands say what is missing', async () => {
  world.environment.KAFKA_BROKERS = ''

  for (const command of ['ingest', 'lag']) {
    const { errors } = await ranTo(1, command)

    assert.match(errors, /KAFKA_BROKERS is not set.*\[KAFKA_NOT_SET\]/, command)
  }
})
