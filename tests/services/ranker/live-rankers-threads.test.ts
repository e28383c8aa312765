import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../../../models/spec/fault.ts'
import { until } from '../../flows/process.ts'
import { smallRanker } from '../../flows/small-world.ts'
import { anInput, liveWorld, promised } from './fake-scoring.ts'

const other = { ...smallRanker, name: 'other' }

test('a scoring thread that dies is started again with what it served, and is not ready in between', async () => {
  const { live, threads, log, holdOpening, faults } = await liveWorld([smallRanker, other])
  await live.activate('v1', 'test')
  await live.activate('w1', 'test')
  const opening = promised()
  holdOpening(opening.promise)

  threads[0]!.die()

  assert.deepEqual(
    live.states().map(({ modelVersion, fault }) => [modelVersion, fault?.code]),
    [
      [null, 'SCORING_STOPPED'],
      [null, 'SCORING_STOPPED'],
    ],
  )
  await assert.rejects(
    live.use('small', async () => 'an answer'),
    { code: 'SCORING_STOPPED', status: 503, retry: true },
  )
  opening.keep()
  await live.follow()
  assert.deepEqual(
    live.states().map(({ modelVersion, fault }) => [modelVersion, fault]),
    [
      ['v1', null],
      ['w1', null],
    ],
  )
  assert.deepEqual(log.slice(log.lastIndexOf('start')), ['start', 'open v1', 'open w1'])
  assert.equal((await live.use('other', ({ score }) => score(anInput))).length, 1)
  assert.deepEqual(
    faults.map(({ code }) => code),
    ['SCORING_STOPPED'],
  )
})

test('a request that was under way when the thread died is told to come back', async () => {
  const { live, threads } = await liveWorld()
  await live.activate('v1', 'test')

  const under = live.use('small', async ({ score }) => {
    threads[0]!.die()
    return score(anInput)
  })

  await assert.rejects(under, { code: 'SCORING_STOPPED', retry: true })
  await live.follow()
  assert.equal((await live.use('small', ({ score }) => score(anInput))).length, 1)
})

test('a thread that dies while it is started again is started once more', async () => {
  const { live, threads, holdOpening } = await liveWorld()
  await live.activate('v1', 'test')
  const opening = promised()
  holdOpening(opening.promise)
  threads[0]!.die()
  await until(() => threads.length === 2, 'another thread')

  threads[1]!.die()
  opening.keep()
  await until(() => live.states()[0]!.modelVersion === 'v1', 'the version to serve again')

  assert.equal(threads.length, 3)
  assert.equal((await live.use('small', ({ score }) => score(anInput))).length, 1)
})

test('a version that does not open a second time serves no more, and does not keep others from it', async () => {
  const { live, threads, failOpening } = await liveWorld([smallRanker, other])
  await live.activate('v1', 'test')
  await live.activate('w1', 'test')
  failOpening('v1', () => new Fault('VERSION_CORRUPT', 'A file is broken.', { status: 409 }))

  threads[0]!.die()
  await live.follow()

  assert.deepEqual(
    live.states().map(({ modelVersion, fault }) => [modelVersion, fault?.code]),
    [
      [null, 'VERSION_CORRUPT'],
      ['w1', undefined],
    ],
  )
})

test('an activation asked for while the thread is down happens once it is up', async () => {
  const { live, threads, holdOpening } = await liveWorld()
  await live.activate('v1', 'test')
  const opening = promised()
  holdOpening(opening.promise)
  threads[0]!.die()

  const activation = live.activate('v2', 'test')
  opening.keep()
  await activation

  assert.equal(live.states()[0]!.modelVersion, 'v2')
})

test('closing waits for what is being opened, and then for nothing', async () => {
  const { live, threads, log, activate, holdOpening } = await liveWorld()
  const opening = promised()
  holdOpening(opening.promise)
  activate('v1')
  const followed = live.follow()

  const closed = live.close()
  opening.keep()
  await Promise.all([followed, closed])

  assert.deepEqual([log, threads[0]!.isClosed], [['start', 'open v1'], true])
})

test('a thread that dies while all is closed is not started again', async () => {
  const { live, threads } = await liveWorld()
  await live.activate('v1', 'test')

  const closed = live.close()
  threads[0]!.die()
  await closed
  await live.follow()

  assert.equal(threads.length, 1)
})
