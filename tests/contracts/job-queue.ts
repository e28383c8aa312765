import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRandom } from '../../models/engine/random.ts'
import type { Job, JobQueue } from '../../pipelines/training/jobs.ts'
import { startMs } from './sent.ts'

export interface JobPorts {
  /** The queue by the clock of the test. */
  queue(nowMs: () => number): JobQueue
}

const leaseMs = 1_000
const result = { version: 'v', activated: true, reasons: ['better'] }
const fault = { code: 'TRAINING_NO_EXAMPLES', message: 'none' }
const progress = { stage: 'training', done: 1, of: 4, note: 'epoch 1' } as const

/** What every job queue keeps to. */
export function jobQueueContract(open: () => Promise<JobPorts>): void {
  /** A queue in which nothing waits, and its clock. */
  const begin = async () => {
    const clock = { nowMs: startMs }
    const queue = (await open()).queue(() => clock.nowMs)
    for (const { id } of await queue.list()) await queue.cancel(id)
    const enqueue = (idempotencyKey?: string) =>
      queue.enqueue({
        kind: 'train',
        payload: { ranker: 'home' },
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      })
    return { clock, queue, enqueue }
  }
  const ended: readonly [string, (queue: JobQueue, job: Job) => Promise<unknown>][] = [
    ['completed', (queue, { id }) => queue.complete(id, 'w', result)],
    ['failed', (queue, { id }) => queue.fail(id, 'w', fault)],
    ['cancelled', (queue, { id }) => queue.cancel(id)],
  ]

  test('a job waits as it was asked for, and an unknown one is none', async () => {
    const { queue, enqueue } = await begin()

    const job = await enqueue()

    const { id, ...rest } = job
    assert.deepEqual(rest, {
      kind: 'train',
      payload: { ranker: 'home' },
      state: 'queued',
      attempts: 0,
      progress: null,
      result: null,
      faultCode: null,
      faultMessage: null,
      createdAtMs: startMs,
      startedAtMs: null,
      endedAtMs: null,
    })
    assert.deepEqual([await queue.find(id), await queue.find('nobody')], [job, null])
  })

  test('a job keeps the version that it starts from, for who asks and for who works on it', async () => {
    const { queue } = await begin()
    const payload = { ranker: 'home', from: 'v1' }

    const job = await queue.enqueue({ kind: 'train', payload })

    assert.deepEqual([job.payload, (await queue.find(job.id))!.payload], [payload, payload])
    assert.deepEqual((await queue.lease('w', leaseMs))!.payload, payload)
  })

  test('the same key is the same job, asked for at once, later, or when it has ended; without a key each is another', async () => {
    const { queue, enqueue } = await begin()

    const atOnce = await Promise.all(Array.from({ length: 8 }, () => enqueue('nightly')))
    await queue.lease('w', leaseMs)
    await queue.complete(atOnce[0]!.id, 'w', result)
    const again = await enqueue('nightly')
    const others = [await enqueue('weekly'), await enqueue(), await enqueue()]

    assert.equal(new Set([...atOnce, again].map(({ id }) => id)).size, 1)
    assert.equal(again.state, 'completed')
    assert.equal(new Set([again, ...others].map(({ id }) => id)).size, 4)
  })

  test('jobs are leased oldest first, each once, and listed newest first', async () => {
    const { queue, enqueue, clock } = await begin()
    const jobs: Job[] = []
    for (const ms of [5, 1, 3]) {
      clock.nowMs = startMs + ms
      jobs.push(await enqueue())
    }
    clock.nowMs = startMs + 10

    const leased = await Promise.all(['a', 'b', 'c', 'd'].map((worker) => queue.lease(worker, leaseMs)))
    const one = leased.find((job) => job !== null)!

    const [newest, oldest, middle] = jobs.map(({ id }) => id)
    assert.deepEqual(leased.map((job) => job?.id ?? '').sort(), ['', newest!, oldest!, middle!].sort())
    assert.deepEqual([one.state, one.attempts, one.startedAtMs], ['running', 1, startMs + 10])
    assert.deepEqual(
      (await queue.list()).slice(0, 3).map(({ id }) => id),
      [newest, middle, oldest],
    )
  })

  test('of jobs that wait, the oldest is taken first', async () => {
    const { queue, enqueue, clock } = await begin()
    const late = await enqueue()
    clock.nowMs = startMs - 5
    const early = await enqueue()

    const taken = [await queue.lease('w', leaseMs), await queue.lease('w', leaseMs)]

    assert.deepEqual(
      taken.map((job) => job?.id),
      [early.id, late.id],
    )
  })

  test('a lease that ran out is taken over, and its first worker can change nothing any more', async () => {
    const { queue, enqueue, clock } = await begin()
    const { id } = await enqueue()
    await queue.lease('first', leaseMs)
    clock.nowMs = startMs + leaseMs
    const tooEarly = await queue.lease('second', leaseMs)
    clock.nowMs = startMs + leaseMs + 1
    const taken = await queue.lease('second', leaseMs)

    const renewed = await queue.renew(id, 'first', leaseMs, progress)
    await queue.complete(id, 'first', result)
    await queue.fail(id, 'first', fault)
    await queue.release(id, 'first')

    assert.deepEqual([tooEarly, taken?.id, taken?.attempts, renewed], [null, id, 2, false])
    assert.deepEqual(await queue.find(id), taken)
    assert.equal(taken!.startedAtMs, startMs)
  })

  test('renewing prolongs the lease and notes progress; without progress the last one stays', async () => {
    const { queue, enqueue, clock } = await begin()
    const { id } = await enqueue()
    await queue.lease('w', leaseMs)
    const renewals: boolean[] = []
    for (const noted of [progress, null]) {
      clock.nowMs += leaseMs
      renewals.push(await queue.renew(id, 'w', leaseMs, noted))
    }

    const job = await queue.find(id)

    assert.deepEqual(renewals, [true, true])
    assert.deepEqual(job?.progress, progress)
    assert.equal(await queue.lease('other', leaseMs), null)
  })

  test('a job whose workers stopped three times is given up, and says so', async () => {
    const { queue, enqueue, clock } = await begin()
    const { id } = await enqueue()
    for (let attempt = 0; attempt < 3; attempt++) {
      assert.equal((await queue.lease(`w${attempt}`, leaseMs))?.id, id)
      clock.nowMs += leaseMs + 1
    }

    const next = await queue.lease('w3', leaseMs)

    const job = await queue.find(id)
    assert.equal(next, null)
    assert.deepEqual([job?.state, job?.faultCode, job?.endedAtMs], ['failed', 'JOB_ABANDONED', clock.nowMs])
    assert.match(job!.faultMessage!, /3 times/)
  })

  test('a job given back waits again, as if it had not been leased', async () => {
    const { queue, enqueue } = await begin()
    const { id } = await enqueue()

    const attempts: (number | undefined)[] = []
    for (let turn = 0; turn < 5; turn++) {
      attempts.push((await queue.lease(`w${turn}`, leaseMs))?.attempts)
      await queue.release(id, `w${turn}`)
    }

    const job = await queue.find(id)
    assert.deepEqual(attempts, [1, 1, 1, 1, 1])
    assert.deepEqual([job?.state, job?.attempts], ['queued', 0])
  })

  test('a job that waits or runs is cancelled; its worker learns it and can end it no more', async () => {
    const { queue, enqueue } = await begin()
    const [waiting, running] = [await enqueue(), await enqueue()]
    await queue.lease('w', leaseMs)
    await queue.lease('w', leaseMs)
    await queue.release(waiting.id, 'w')

    const cancelled = [await queue.cancel(waiting.id), await queue.cancel(running.id)]
    const renewed = await queue.renew(running.id, 'w', leaseMs, progress)
    await queue.complete(running.id, 'w', result)

    assert.deepEqual(
      cancelled.map((job) => [job?.state, job?.endedAtMs]),
      [
        ['cancelled', startMs],
        ['cancelled', startMs],
      ],
    )
    assert.equal(renewed, false)
    assert.deepEqual([await queue.lease('w', leaseMs), (await queue.find(running.id))?.state], [null, 'cancelled'])
    assert.equal(await queue.cancel('nobody'), null)
  })

  for (const [state, end] of ended) {
    test(`a job that is ${state} stays as it ended`, async () => {
      const { queue, enqueue, clock } = await begin()
      const job = await enqueue()
      await queue.lease('w', leaseMs)
      await end(queue, job)
      const before = await queue.find(job.id)
      clock.nowMs += 10 * leaseMs

      for (const [, endAgain] of ended) await endAgain(queue, job)
      await queue.release(job.id, 'w')
      await queue.lease('w', leaseMs)

      assert.equal(before?.state, state)
      assert.deepEqual(await queue.find(job.id), before)
    })
  }

  test('two workers never hold one job, whatever they do at once, and every job ends', async () => {
    const { queue, enqueue, clock } = await begin()
    const random = createRandom(9)
    const workers = ['a', 'b', 'c', 'd', 'e']
    const jobs = await Promise.all(Array.from({ length: 6 }, () => enqueue()))
    /** What each worker believes to hold, and until when. */
    const held = new Map<string, { readonly id: string; readonly untilMs: number }>()
    const act = async (worker: string): Promise<void> => {
      const mine = held.get(worker)
      const draw = random.uniform()
      if (mine === undefined) {
        const job = await queue.lease(worker, leaseMs)
        if (job !== null) held.set(worker, { id: job.id, untilMs: clock.nowMs + leaseMs })
        return
      }
      if (draw < 0.4) {
        const isMine = await queue.renew(mine.id, worker, leaseMs, null)
        if (isMine) held.set(worker, { ...mine, untilMs: clock.nowMs + leaseMs })
        else held.delete(worker)
        return
      }
      if (draw >= 0.7) return
      held.delete(worker)
      if (draw < 0.5) await queue.complete(mine.id, worker, result)
      else if (draw < 0.6) await queue.fail(mine.id, worker, fault)
      else await queue.release(mine.id, worker)
    }

    const isOpen = ({ state }: Job) => state === 'queued' || state === 'running'
    const left = async () => (await Promise.all(jobs.map(({ id }) => queue.find(id)))).filter((job) => isOpen(job!))
    let rounds = 0
    for (; rounds < 200 && (await left()).length > 0; rounds++) {
      await Promise.all(workers.map(act))

      const valid = [...held.values()].filter(({ untilMs }) => untilMs >= clock.nowMs).map(({ id }) => id)
      assert.equal(new Set(valid).size, valid.length, `round ${rounds}: ${valid.join()}`)
      clock.nowMs += Math.floor(random.uniform() * leaseMs * 0.8)
    }

    assert.deepEqual(await left(), [])
    assert.ok(rounds > 3)
  })
}
