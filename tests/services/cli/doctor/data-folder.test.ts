import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { examineData } from '../../../../services/cli/doctor/data-folder.ts'
import { freePort, temporaryFolder } from '../../../flows/process.ts'

const root = temporaryFolder()
const stopped = { isRunning: false, version: null }

test('a folder that is not there yet is no problem, and is not made', async () => {
  const folder = join(root, 'not', 'yet')

  const { freeBytes, ...found } = await examineData(folder, true)

  assert.deepEqual(found, { folder, isThere: false, sizeBytes: 0, problem: null, database: stopped })
  assert.ok(freeBytes > 0)
  assert.deepEqual(readdirSync(root), [])
})

test('the size of a folder is that of all files in it', async () => {
  const folder = join(root, 'full')
  mkdirSync(join(folder, 'a', 'b'), { recursive: true })
  writeFileSync(join(folder, 'one'), 'x'.repeat(1_000))
  writeFileSync(join(folder, 'a', 'b', 'two'), 'x'.repeat(234))

  const { isThere, sizeBytes, problem } = await examineData(folder, true)

  assert.deepEqual([isThere, sizeBytes, problem], [true, 1_234, null])
})

test('where a file is in the way, it says what to do', async () => {
  const file = join(root, 'file')
  writeFileSync(file, '')

  for (const folder of [file, join(file, 'data')]) {
    const { problem } = await examineData(folder, true)
    assert.match(problem!, /cannot be written \(ENOTDIR\)\. .*POLYRANK_DATA/)
    assert.ok(problem!.startsWith(folder), problem!)
  }
})

test('an address that a killed service left behind is no running database', async () => {
  const folder = join(root, 'killed')
  mkdirSync(folder)
  const connection = { host: '127.0.0.1', port: await freePort(), user: 'postgres', database: 'postgres' }
  writeFileSync(join(folder, 'connection.json'), JSON.stringify(connection))

  assert.deepEqual((await examineData(folder, true)).database, stopped)
})

test('one that another program listens at by now is none either', async (t) => {
  const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1')
  t.after(() => void server.close())
  await new Promise((listening) => server.once('listening', listening))
  const folder = join(root, 'stranger')
  mkdirSync(folder)
  const { port } = server.address() as { port: number }
  writeFileSync(join(folder, 'connection.json'), JSON.stringify({ host: '127.0.0.1', port, user: 'postgres' }))

  assert.deepEqual((await examineData(folder, true)).database, stopped)
})
