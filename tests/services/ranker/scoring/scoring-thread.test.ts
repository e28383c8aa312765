import assert from 'node:assert/strict'
import { cpSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { createRandom } from '../../../../models/engine/random.ts'
import type { Fault } from '../../../../models/spec/fault.ts'
import { openVersion } from '../../../../services/ranker/scoring/opened-version.ts'
import { type ScoringThread, startScoringThread } from '../../../../services/ranker/scoring/scoring-thread.ts'
import { temporaryFolder } from '../../../flows/process.ts'
import { anInput, type SmallVersion, smallVersion } from '../small-version.ts'

const never = (what: Fault | string) => {
  throw what
}
const engine = { device: 'cpu', precision: 'float32', threads: 1, dataFolder: temporaryFolder() } as const
const input = anInput(createRandom(3), 4)

/** A thread's program that scores what it is sent, keeps score of `held` until `let go` opens, and ends at `exit`. */
const scripted = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads'
    const held = []
    parentPort.on('message', ({ id, kind, folder, input }) => {
      if (folder === 'exit') process.exit(3)
      if (folder === 'throw') throw new Error('out of luck')
      if (folder === 'say') parentPort.postMessage({ said: 'serving on cpu' })
      if (folder === 'held') return held.push(id)
      if (folder === 'let go') for (const each of held.splice(0)) parentPort.postMessage({ id: each, scores: Float32Array.of(each) })
      parentPort.postMessage({ id, scores: kind === 'score' ? Float32Array.of(input.candidates.length) : null })
    })
  `)}`,
)
function scriptedThread(
  test: TestContext,
  mostWaiting: number,
  onStopped: (fault: Fault) => void = never,
  say: (line: string) => void = never,
) {
  const started = startScoringThread({ engine, mostWaiting, onStopped, say }, scripted)
  test.after(started.close)
  return started
}

let written: SmallVersion
let thread: ScoringThread
before(async () => {
  written = await smallVersion()
  thread = startScoringThread({ engine, mostWaiting: 1_000, onStopped: never, say: never })
  await thread.open(written.folder)
})
after(() => thread.close())

test('a thread gives the scores that its version gives', async () => {
  const version = await openVersion(written.folder, 1)

  assert.deepEqual(await thread.score(written.folder, input), await version.score(input))
  await version.close()
})

test('each of many requests at once gets its own answer', async () => {
  const random = createRandom(7)
  const inputs = Array.from({ length: 60 }, (_, i) => anInput(random, 1 + (i % 20)))
  const version = await openVersion(written.folder, 1)

  const answers = await Promise.all(inputs.map((each) => thread.score(written.folder, each)))

  for (const [i, each] of inputs.entries()) assert.deepEqual(answers[i], await version.score(each), `request ${i}`)
  await version.close()
})

test('a fault of the thread arrives with its code, status and path, and the thread goes on', async () => {
  const folder = join(temporaryFolder(), 'broken')
  cpSync(written.folder, folder, { recursive: true })
  const file = join(folder, 'weights.safetensors')
  truncateSync(file, 100)

  await assert.rejects(thread.open(folder), {
    name: 'Fault',
    code: 'VERSION_CORRUPT',
    status: 409,
    path: file,
    retry: false,
  })
  assert.equal((await thread.score(written.folder, input)).length, 8)
})

test('a version that is not open, or not any more, does not score', async () => {
  const other = join(temporaryFolder(), 'other')
  cpSync(written.folder, other, { recursive: true })
  await thread.open(other)
  await thread.closeVersion(other)

  for (const folder of [other, 'nowhere'])
    await assert.rejects(thread.score(folder, input), { code: 'SCORING_NOT_OPEN', status: 503, retry: true })
})

test('what is open twice closes once, and what is not open closes without a fault', async () => {
  await thread.open(written.folder)
  await thread.closeVersion('nowhere')

  assert.equal((await thread.score(written.folder, input)).length, 8)
})

test('beyond the requests that may wait, the next is told to come back, and the others are answered', async (t) => {
  const busy = scriptedThread(t, 2)

  const waiting = Promise.allSettled([1, 2, 3].map(() => busy.score('held', input)))
  await busy.open('let go')
  const [first, second, third] = await waiting

  assert.deepEqual(
    [first, second],
    [0, 1].map((id) => ({ status: 'fulfilled', value: Float32Array.of(id) })),
  )
  assert.ok(third?.status === 'rejected')
  const { code, status, retry } = third.reason
  assert.deepEqual([code, status, retry], ['RANK_OVERLOADED', 429, true])
  assert.deepEqual(await busy.score('free', input), Float32Array.of(4))
})

test('answers reach their questions in whatever order they come', async (t) => {
  const mixed = scriptedThread(t, 10)
  const first = mixed.score('held', input)

  assert.deepEqual(await mixed.score('free', input), Float32Array.of(4))
  await mixed.open('let go')

  assert.deepEqual(await first, Float32Array.of(0))
})

for (const [how, code, cause] of [
  ['exit', 3, undefined],
  ['throw', 1, 'out of luck'],
] as const) {
  test(`a thread that ends by ${how} fails all who wait, says so once, and takes nothing more`, async (t) => {
    const heard: Fault[] = []
    const dying = scriptedThread(t, 10, (fault) => heard.push(fault))
    const waiting = [dying.score('held', input), dying.open(how), dying.score('free', input)]

    const outcomes = await Promise.allSettled(waiting)

    for (const outcome of outcomes) {
      assert.equal(outcome.status, 'rejected')
      const { code: name, status, retry, message } = outcome.reason
      assert.deepEqual([name, status, retry], ['SCORING_STOPPED', 503, true])
      assert.match(message, new RegExp(`ended with code ${code};`))
      assert.equal(outcome.reason.cause?.message, cause)
    }
    assert.equal(heard.length, 1)
    await assert.rejects(dying.score('free', input), { code: 'SCORING_STOPPED' })
    assert.equal(heard.length, 1)
  })
}

test('a thread that is closed fails who waits, and nobody hears that it ended', async (t) => {
  const heard: Fault[] = []
  const closing = scriptedThread(t, 10, (fault) => heard.push(fault))
  const waiting = assert.rejects(closing.score('held', input), { code: 'SCORING_STOPPED' })

  await closing.close()

  await waiting
  assert.deepEqual(heard, [])
})

test('what the thread says is for the log, and answers nobody', async (t) => {
  const said: string[] = []
  const talking = scriptedThread(t, 8, never, (line) => said.push(line))

  await talking.open('say')

  assert.deepEqual(said, ['serving on cpu'])
})
