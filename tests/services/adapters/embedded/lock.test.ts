import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { lockDataFolder } from '../../../../services/adapters/embedded/lock.ts'

const root = mkdtempSync(join(tmpdir(), 'polyrank-lock-'))
after(() => rmSync(root, { recursive: true }))
const newFolder = () => mkdtempSync(join(root, 'data-'))
const writeLock = (folder: string, owner: unknown, name = 'lock') =>
  writeFileSync(join(folder, name), typeof owner === 'string' ? owner : JSON.stringify(owner))

/** The number of a process that has ended. */
const { pid: deadPid } = spawnSync(process.execPath, ['--eval', ''])
const dead = { pid: deadPid, startedAtTicks: '1' }

test('a folder has one owner at a time, until it is given back', () => {
  const folder = newFolder()
  const unlock = lockDataFolder(folder)

  assert.throws(() => lockDataFolder(folder), { code: 'DATA_FOLDER_IN_USE', details: { pid: process.pid } })
  unlock()
  lockDataFolder(folder)()

  assert.deepEqual(readdirSync(folder), [])
})

test('the lock of another process that lives is respected, and its number is said', () => {
  const folder = newFolder()
  writeLock(folder, { pid: process.ppid, startedAtTicks: null })

  const locking = () => lockDataFolder(folder)

  assert.throws(locking, { code: 'DATA_FOLDER_IN_USE', message: new RegExp(`Process ${process.ppid} .*${folder}`) })
  assert.deepEqual(readdirSync(folder), ['lock'])
})

test('the lock of a process that has ended is taken over', () => {
  const folder = newFolder()
  writeLock(folder, dead)

  lockDataFolder(folder)

  assert.equal(JSON.parse(readFileSync(join(folder, 'lock'), 'utf8')).pid, process.pid)
  assert.deepEqual(readdirSync(folder), ['lock'])
})

test('a process that has the number of a dead owner is not its owner', () => {
  const folder = newFolder()
  writeLock(folder, { pid: process.pid, startedAtTicks: 'another time' })

  const unlock = lockDataFolder(folder)

  unlock()
  assert.deepEqual(readdirSync(folder), [])
})

test('a process that died while it took over is no hindrance', () => {
  const folder = newFolder()
  for (const name of ['lock', 'lock.takeover', 'lock.takeover.takeover']) writeLock(folder, dead, name)

  lockDataFolder(folder)()

  assert.deepEqual(readdirSync(folder), [])
})

test('a process that is taking over is respected', () => {
  const folder = newFolder()
  writeLock(folder, dead)
  writeLock(folder, { pid: process.ppid, startedAtTicks: null }, 'lock.takeover')

  const locking = () => lockDataFolder(folder)

  assert.throws(locking, { code: 'DATA_FOLDER_IN_USE', details: { pid: process.ppid } })
})

for (const garbage of ['', '{', 'null', '{}', '{"pid":0,"startedAtTicks":null}', '{"pid":"5","startedAtTicks":"1"}']) {
  test(`a lock that reads ${JSON.stringify(garbage)} is left alone, and the fault says what to do`, () => {
    const folder = newFolder()
    writeLock(folder, garbage)
    const file = join(folder, 'lock')

    const locking = () => lockDataFolder(folder)

    assert.throws(locking, { code: 'DATA_FOLDER_LOCK_UNREADABLE', path: file, message: /delete that file/ })
    assert.deepEqual(readdirSync(folder), ['lock'])
    assert.equal(readFileSync(file, 'utf8'), garbage)
  })
}

test('of several that find the same stale lock at once, one becomes the owner', async (context) => {
  const folder = newFolder()
  const [contenders, rounds] = [4, 400]
  const turn = new Int32Array(new SharedArrayBuffer(4))
  const lockModule = new URL('../../../../services/adapters/embedded/lock.ts', import.meta.url).href
  const script = `
    const { parentPort, workerData: { turn, folder, rounds, lockModule } } = require('node:worker_threads')
    import('tsx/esm/api').then(async ({ register }) => {
      register()
      const { lockDataFolder } = await import(lockModule)
      parentPort.postMessage('ready')
      for (let round = 1; round <= rounds; round++) {
        while (Atomics.load(turn, 0) < round) Atomics.wait(turn, 0, round - 1)
        let outcome = 'owner'
        try { lockDataFolder(folder) } catch ({ code }) { outcome = code }
        parentPort.postMessage(outcome)
      }
    })`
  const workers = Array.from(
    { length: contenders },
    () => new Worker(script, { eval: true, workerData: { turn, folder, rounds, lockModule } }),
  )
  context.after(() => Promise.all(workers.map((worker) => worker.terminate())))
  const answers = () =>
    Promise.all(workers.map((worker) => new Promise<string>((answer) => worker.once('message', answer))))
  await answers()

  for (let round = 1; round <= rounds; round++) {
    writeLock(folder, dead)
    const outcomes = answers()
    Atomics.store(turn, 0, round)
    Atomics.notify(turn, 0)

    const [owner, ...refused] = (await outcomes).sort().reverse()
    assert.equal(owner, 'owner', `round ${round}`)
    assert.deepEqual(new Set(refused), new Set(['DATA_FOLDER_IN_USE']), `round ${round}`)
    rmSync(join(folder, 'lock'))
  }
  assert.ok(!existsSync(join(folder, 'lock.takeover')))
})
