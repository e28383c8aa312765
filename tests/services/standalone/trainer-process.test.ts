import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Job } from '../../../pipelines/training/jobs.ts'
import { type Child, createTrainerProcess, forkTrainer } from '../../../services/standalone/trainer-process.ts'
import { temporaryFolder, until } from '../../flows/process.ts'
import { aJob } from '../ranker/fake-service.ts'

/** A process that ends when told to, and on SIGTERM. */
function fakeTrainer(pid: number | undefined) {
  const listeners = new Map<string, (what: never) => void>()
  const signals: NodeJS.Signals[] = []
  const tell = (event: string, what: unknown) => listeners.get(event)?.(what as never)
  const child: Child = {
    pid,
    once: (event: string, listener: (what: never) => void) => listeners.set(event, listener),
    kill(signal) {
      signals.push(signal)
      tell('exit', null)
    },
  }
  return {
    child,
    signals,
    async end(code: number | null) {
      tell('exit', code)
      await Promise.resolve()
    },
    async fail() {
      tell('error', new Error('spawn EAGAIN'))
      await Promise.resolve()
    },
  }
}

/** A clock that stands still until it is moved, and trainers that do as they are told. */
function world(waiting: readonly Job[] = [aJob()], pid: number | null = 7) {
  const queue = { jobs: waiting }
  const clock = { ms: 1_000_000 }
  const started: ReturnType<typeof fakeTrainer>[] = []
  const trainer = createTrainerProcess({ list: async () => queue.jobs }, 'unused', {
    start() {
      const fake = fakeTrainer(pid ?? undefined)
      started.push(fake)
      return fake.child
    },
    nowMs: () => clock.ms,
  })
  return { queue, clock, started, trainer }
}

/** How long after its end the last trainer is followed by another, looked for every half second. */
async function pauseOf({ clock, started, trainer }: ReturnType<typeof world>): Promise<number> {
  const [before, fromMs] = [started.length, clock.ms]
  for (;;) {
    await trainer.ensure()
    if (started.length > before) return clock.ms - fromMs
    assert.ok(clock.ms - fromMs < 100_000, 'no other trainer came')
    clock.ms += 500
  }
}

test('no trainer starts while no job waits', async () => {
  const ended = ['completed', 'failed', 'cancelled'] as const
  const { trainer, started, queue } = world(ended.map((state) => aJob({ state })))

  await trainer.ensure()
  assert.equal(started.length, 0)

  queue.jobs = [aJob()]
  await trainer.ensure()
  assert.equal(started.length, 1)
})

test('one trainer runs for all jobs that wait or were left running, however often it is looked for', async () => {
  const { trainer, started } = world([aJob({ state: 'running' })])

  await Promise.all([trainer.ensure(), trainer.ensure()])
  await trainer.ensure()

  assert.equal(started.length, 1)
})

test('after a trainer has ended well, the next job starts another at once', async () => {
  const here = world()
  await here.trainer.ensure()
  await here.started[0]!.end(0)

  assert.equal(await pauseOf(here), 0)
})

test('a trainer that breaks again and again is started ever more seldom, at most every half minute', async () => {
  const here = world()
  await here.trainer.ensure()
  const pauses: number[] = []
  for (let i = 0; i < 7; i++) {
    here.clock.ms += 300
    await here.started.at(-1)!.end(i % 2 === 0 ? 1 : null)
    pauses.push(await pauseOf(here))
  }

  assert.deepEqual(pauses, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
})

test('one that lived for a minute, or ended well, is as good as new', async () => {
  const here = world()
  const after = async (livedMs: number, code: number) => {
    here.clock.ms += livedMs
    await here.started.at(-1)!.end(code)
    return pauseOf(here)
  }
  await here.trainer.ensure()

  assert.deepEqual([await after(100, 1), await after(100, 1)], [1_000, 2_000])
  assert.deepEqual([await after(60_000, 1), await after(59_999, 1)], [0, 1_000])
  assert.deepEqual([await after(100, 1), await after(100, 0), await after(100, 1)], [2_000, 0, 1_000])
})

test('one that could not even be started counts as broken', async () => {
  const here = world([aJob()], null)
  await here.trainer.ensure()
  await here.started[0]!.fail()

  assert.equal(await pauseOf(here), 1_000)
})

test('a signal that does not reach a running trainer is not its end', async () => {
  const here = world()
  await here.trainer.ensure()
  await here.started[0]!.fail()
  here.clock.ms += 60_000
  await here.trainer.ensure()

  assert.equal(here.started.length, 1)
})

test('closing asks the trainer to stop and waits until it has; nothing starts after that', async () => {
  const { trainer, started, clock } = world()
  await trainer.ensure()

  await trainer.close()
  clock.ms += 60_000
  await trainer.ensure()
  await trainer.close()

  assert.deepEqual(
    started.map(({ signals }) => signals),
    [['SIGTERM']],
  )
})

const root = temporaryFolder()
/** Leaves a file named after its process, ends with its parent, and notes a signal. */
const program = join(root, 'trainer.mjs')
writeFileSync(
  program,
  `import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
const folder = process.env.POLYRANK_DATA
process.once('SIGTERM', () => {
  writeFileSync(join(folder, 'stopped'), 'SIGTERM')
  process.exit(0)
})
process.once('disconnect', () => process.exit(1))
setInterval(() => {}, 1_000)
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

test('a trainer is a process of its own on that data folder, and is gone when closing has ended', async (t: TestContext) => {
  const folder = join(root, 'data')
  mkdirSync(folder)
  const trainer = createTrainerProcess({ list: async () => [aJob()] }, folder, {
    start: () => forkTrainer(folder, program),
  })
  const started = () => readdirSync(folder).filter((file) => file.startsWith('started-'))
  t.after(() => trainer.close())

  await trainer.ensure()
  // A file is there before what it says is.
  const said = () => started().map((file) => readFileSync(join(folder, file), 'utf8'))
  await until(() => said().some((text) => text !== ''), 'the trainer to start')
  const pid = Number(started()[0]!.split('-')[1])
  assert.deepEqual([isAlive(pid), pid === process.pid], [true, false])
  assert.deepEqual(said(), ['0'])

  await trainer.close()
  assert.deepEqual([isAlive(pid), existsSync(join(folder, 'stopped'))], [false, true])
})
