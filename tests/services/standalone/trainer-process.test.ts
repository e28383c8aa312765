import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Job } from '../../../pipelines/training/jobs.ts'
import { createTrainerProcess } from '../../../services/standalone/trainer-process.ts'
import { temporaryFolder, until } from '../../flows/process.ts'
import { aJob } from '../ranker/fake-service.ts'

const root = temporaryFolder()
/** Leaves a file named after its process, ends with its parent or when the file `end` is there, and notes a signal. */
const program = join(root, 'trainer.mjs')
writeFileSync(
  program,
  `import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
const folder = process.env.POLYRANK_DATA
process.once('SIGTERM', () => {
  writeFileSync(join(folder, 'stopped'), 'SIGTERM')
  process.exit(0)
})
process.once('disconnect', () => process.exit(1))
setInterval(() => existsSync(join(folder, 'end')) && process.exit(0), 10)
writeFileSync(join(folder, 'started-' + process.pid), String(process.execArgv.length))
`,
)

const isAlive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
const pidOf = (file: string) => Number(file.split('-')[1])

let folders = 0
function world(t: TestContext, waiting: readonly Job[]) {
  const folder = join(root, String(folders++))
  mkdirSync(folder)
  const queue = { jobs: waiting }
  const trainer = createTrainerProcess({ list: async () => queue.jobs }, folder, program)
  const started = () => readdirSync(folder).filter((file) => file.startsWith('started-'))
  t.after(async () => {
    await trainer.close()
    for (const pid of started().map(pidOf)) if (isAlive(pid)) process.kill(pid)
  })
  return { folder, queue, trainer, started }
}
test('no trainer starts while no job waits', async (t) => {
  const ended = ['completed', 'failed', 'cancelled'] as const
  const { trainer, started, queue } = world(
    t,
    ended.map((state) => aJob({ state })),
  )

  await trainer.ensure()
  queue.jobs = [aJob()]
  await trainer.ensure()
  await until(() => started().length > 0, 'the trainer to start')

  assert.equal(started().length, 1)
})

test('one trainer runs for all jobs that wait or were left running, however often it is looked for', async (t) => {
  const { trainer, started, folder } = world(t, [aJob({ state: 'running' })])

  await trainer.ensure()
  await Promise.all([trainer.ensure(), trainer.ensure()])
  await until(() => started().length > 0, 'the trainer to start')
  await trainer.ensure()

  assert.equal(started().length, 1)
  assert.equal(readFileSync(join(folder, started()[0]!), 'utf8'), '0')
})

test('looking twice at once starts one trainer', async (t) => {
  const { trainer, started } = world(t, [aJob()])
  const children = () => process.getActiveResourcesInfo().filter((name) => name === 'ProcessWrap').length
  const before = children()

  await Promise.all([trainer.ensure(), trainer.ensure()])

  const count = children() - before
  await until(() => started().length === count, 'all of them to start')
  assert.equal(count, 1)
})

test('after a trainer has ended, the next job starts another', async (t) => {
  const { trainer, started, folder } = world(t, [aJob()])
  await trainer.ensure()
  await until(() => started().length === 1, 'the first trainer')

  writeFileSync(join(folder, 'end'), '')
  await until(() => !isAlive(pidOf(started()[0]!)), 'the first trainer to end')
  await until(async () => {
    await trainer.ensure()
    return started().length === 2
  }, 'the second trainer')
})

test('closing asks the trainer to stop and waits until it has; nothing starts after that', async (t) => {
  const { trainer, started, folder } = world(t, [aJob()])
  await trainer.ensure()
  await until(() => started().length === 1, 'the trainer to start')

  await trainer.close()

  assert.equal(isAlive(pidOf(started()[0]!)), false)
  assert.ok(existsSync(join(folder, 'stopped')))
  await trainer.ensure()
  await trainer.close()
  assert.equal(started().length, 1)
})
