import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { Fault } from '../../../models/spec/fault.ts'
import { until } from '../../flows/process.ts'
import { smallRanker } from '../../flows/small-world.ts'
import { anInput, type LiveWorld, liveWorld, promised } from './fake-scoring.ts'

const corrupt = () => new Fault('VERSION_CORRUPT', 'A file is broken.', { status: 409 })
const versionOf = (live: LiveWorld['live'], ranker?: string) => live.use(ranker, async ({ version }) => version)
const state = ({ live }: LiveWorld) =>
  live.states().map(({ modelVersion, fault }) => [modelVersion, fault?.code ?? null])
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => 'none',
    ({ code }) => code,
  )

test('a ranker without a version, and one that is not there, are refused with the way out', async () => {
  const { live } = await liveWorld()

  await assert.rejects(versionOf(live), { code: 'RANKER_NOT_READY', status: 503, retry: true })
  await assert.rejects(versionOf(live, 'home'), { code: 'RANKER_UNKNOWN', status: 404, path: '/ranker' })
})

test('a ranker may be left out only where there is one', async () => {
  const { live } = await liveWorld([smallRanker, { ...smallRanker, name: 'other' }])
  await live.activate('v1', 'test')
  await live.activate('w1', 'test')

  assert.deepEqual([await versionOf(live, 'small'), await versionOf(live, 'other')], ['v1', 'w1'])
  assert.equal(await codeOf(versionOf(live)), 'RANKER_UNKNOWN')
})

test('what was activated elsewhere serves after the next look, and looking again changes nothing', async () => {
  const { live, log, activate } = await liveWorld()
  await live.follow()
  assert.deepEqual(log, ['start'])

  activate('v1')
  await live.follow()
  await live.follow()

  assert.equal(await versionOf(live), 'v1')
  assert.deepEqual(log, ['start', 'open v1'])
})

test('an activation is recorded only after its version has opened', async () => {
  const { live, log } = await liveWorld()

  const activation = await live.activate('v1', 'by hand')

  assert.deepEqual(activation, { ranker: 'small', version: 'v1', reason: 'by hand', activatedAtMs: 7 })
  assert.deepEqual(log, ['start', 'open v1', 'activate v1'])
})

test('activating what serves already is recorded and opens nothing', async () => {
  const { live, log } = await liveWorld()
  await live.activate('v1', 'first')

  await live.activate('v1', 'again')

  assert.deepEqual(log, ['start', 'open v1', 'activate v1', 'activate v1'])
})

test('a version that does not open is not activated, and what served goes on', async () => {
  const world = await liveWorld()
  await world.live.activate('v1', 'test')
  world.failOpening('v2', corrupt)

  assert.equal(await codeOf(world.live.activate('v2', 'test')), 'VERSION_CORRUPT')
  assert.equal(await versionOf(world.live), 'v1')
  assert.ok(!world.log.includes('activate v2'))
})

test('a version that nobody knows, or of a ranker that is gone, is not activated', async () => {
  const { live, log } = await liveWorld()

  for (const version of ['nothing', 'old1'])
    await assert.rejects(live.activate(version, 'test'), { code: 'VERSION_UNKNOWN', status: 404, path: '/version' })
  assert.deepEqual(log, ['start'])
})

test('an activation that cannot be recorded changes nothing, and leaves nothing open', async () => {
  const { live, threads, failActivation, folder } = await liveWorld()
  await live.activate('v1', 'test')
  failActivation(new Fault('STORAGE_UNREACHABLE', 'No storage.'))

  assert.equal(await codeOf(live.activate('v2', 'test')), 'STORAGE_UNREACHABLE')
  assert.equal(await versionOf(live), 'v1')
  await until(() => readdirSync(folder).length === 1, 'the files to be removed')
  assert.equal(threads[0]!.openFolders.size, 1)
})

test('a version activated elsewhere that does not open shows why, once, and what served goes on', async () => {
  const world = await liveWorld()
  const { live, log, faults, activate } = world
  await live.activate('v1', 'test')
  activate('v2')
  world.failOpening('v2', corrupt)

  await live.follow()
  await live.follow()

  assert.deepEqual(state(world), [['v1', 'VERSION_CORRUPT']])
  assert.equal(await versionOf(live), 'v1')
  assert.deepEqual([faults.length, log.filter((entry) => entry === 'open v2').length], [1, 1])
})

test('a fault is shown until the newest activation serves, be it the one before', async () => {
  for (const rollBack of [
    ({ live }: LiveWorld) => live.activate('v1', 'rolled back'),
    ({ live, activate }: LiveWorld) => {
      activate('v1')
      return live.follow()
    },
    ({ live }: LiveWorld) => live.activate('v3', 'another'),
  ]) {
    const world = await liveWorld()
    await world.live.activate('v1', 'test')
    world.activate('v2')
    world.failOpening('v2', corrupt)
    await world.live.follow()
    assert.equal(state(world)[0]![1], 'VERSION_CORRUPT')

    await rollBack(world)

    assert.equal(state(world)[0]![1], null)
  }
})

test('an opening that failed in passing is tried again, but not for ever', async () => {
  const world = await liveWorld()
  let failures = 1
  world.failOpening('v1', () => (failures-- > 0 ? new Fault('BUSY', 'Later.', { retry: true }) : null))
  world.activate('v1')

  await world.live.follow()
  assert.deepEqual(state(world), [[null, 'BUSY']])
  await world.live.follow()
  assert.deepEqual(state(world), [['v1', null]])

  failures = 100
  world.failOpening('v2', () => (failures-- > 0 ? new Fault('BUSY', 'Later.', { retry: true }) : null))
  world.activate('v2')
  for (let look = 0; look < 10; look++) await world.live.follow()
  assert.deepEqual(state(world), [['v1', 'BUSY']])
  assert.equal(world.log.filter((entry) => entry === 'open v2').length, 3)
})

test('a request is answered by the version it began with, which closes after it', async () => {
  const { live, log, threads, folder } = await liveWorld()
  await live.activate('v1', 'test')
  const answer = promised()
  const began = promised()
  const slow = live.use('small', async (scorer) => {
    began.keep()
    await answer.promise
    return [scorer.version, ...(await scorer.score(anInput))]
  })
  await began.promise

  await live.activate('v2', 'test')

  assert.equal(await versionOf(live), 'v2')
  assert.equal(threads[0]!.openFolders.size, 2)
  answer.keep()
  assert.deepEqual(await slow, ['v1', 1])
  await until(() => log.includes('close v1') && readdirSync(folder).length === 1, 'the version before to be closed')
  assert.equal(await versionOf(live), 'v2')
})

test('a version that comes back while its last request is still answered stays open', async () => {
  const { live, log, threads } = await liveWorld()
  await live.activate('v1', 'test')
  const answer = promised()
  const slow = live.use('small', async (scorer) => {
    await answer.promise
    return scorer.score(anInput)
  })
  await live.activate('v2', 'test')
  await live.activate('v1', 'back')

  answer.keep()
  await slow
  await until(() => log.filter((entry) => entry.startsWith('close')).length === 2, 'both to be closed')

  assert.deepEqual(await live.use('small', ({ score }) => score(anInput)), Float32Array.of(1))
  assert.equal(threads[0]!.openFolders.size, 1)
  for (const open of threads[0]!.openFolders) assert.ok(existsSync(open))
})

test('a version closes after a request that failed, too', async () => {
  const { live, log } = await liveWorld()
  await live.activate('v1', 'test')
  const failing = live.use('small', async () => {
    await live.activate('v2', 'test')
    throw new Error('no answer')
  })

  await assert.rejects(failing, /no answer/)
  await until(() => log.includes('close v1'), 'the version before to be closed')
})

test('a version ranks by the configured definition where that decides the same model, else by its own', async () => {
  const { live } = await liveWorld()
  const definition = () => live.use('small', async (scorer) => scorer.definition)

  await live.activate('v1', 'test')
  assert.equal(await definition(), smallRanker)
  await live.activate('v-wide', 'test')
  assert.equal((await definition()).trunk.dimension, 99)
})

test('versions of several rankers open and fail each for themselves', async () => {
  const world = await liveWorld([smallRanker, { ...smallRanker, name: 'other' }])
  world.activate('v1')
  world.activate('w1')
  world.failOpening('v1', corrupt)

  await world.live.follow()

  assert.deepEqual(state(world), [
    [null, 'VERSION_CORRUPT'],
    ['w1', null],
  ])
})
