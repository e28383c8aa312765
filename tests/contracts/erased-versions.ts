import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eraseUser } from '../../pipelines/retention/erasure.ts'
import { type ErasurePorts, erasedUser, fill, erasedAtMs as nowMs } from './erasure.ts'
import { keepsAll } from './kept.ts'
import { startMs } from './sent.ts'
import { versionOf } from './versions.ts'

/** Which versions an erasure names and marks. Each test begins with an empty database. */
export function erasedVersionsContract(open: () => Promise<ErasurePorts>): void {
  test('versions that may have learnt from the user are named, and trainings that are under way', async () => {
    const ports = await open()
    const { store, registry, jobs } = ports
    await fill(ports)
    const publish = (version: string, from: number, to: number, definition = keepsAll, startedFrom?: string) => {
      const learnt = { trainedFromMs: startMs + from, trainedToMs: startMs + to, createdAtMs: from }
      return registry.publish(
        versionOf(version, { ...learnt, ...(startedFrom === undefined ? {} : { startedFrom }) }, definition),
      )
    }
    await publish('v-second', 1, 2)
    await publish('v-first', 0, 100)
    await publish('v-before', 0, 1)
    await publish('v-after', 2, 100)
    // Nothing of the user itself, and all that the one before had.
    await publish('v-warm', 200, 300, keepsAll, 'v-first')
    await publish('v-warmer', 300, 400, keepsAll, 'v-warm')
    await publish('v-clean', 400, 500, keepsAll, 'v-before')
    await publish('v-other', 0, 100, { ...keepsAll, name: 'another' })
    const job = await jobs.enqueue({ kind: 'train', payload: { ranker: keepsAll.name } })
    await jobs.lease('worker', 60_000)

    const { versions, runningJobs } = await eraseUser(erasedUser, { store, nowMs: () => nowMs, isDryRun: false })

    assert.deepEqual(versions, [
      { version: 'v-first', ranker: keepsAll.name },
      { version: 'v-second', ranker: keepsAll.name },
      { version: 'v-warm', ranker: keepsAll.name },
      { version: 'v-warmer', ranker: keepsAll.name },
    ])
    assert.deepEqual(runningJobs, [job.id])
    const marked = (await registry.list(keepsAll.name)).filter(({ learntErasedAtMs }) => learntErasedAtMs === nowMs)
    assert.deepEqual(marked.map(({ version }) => version).sort(), ['v-first', 'v-second', 'v-warm', 'v-warmer'])
    assert.ok(!('learntErasedAtMs' in (await registry.find('v-clean'))!), 'it learnt nothing of the user')
  })

  test('versions of trainings that read before an erasure ended are marked, and what starts from them', async () => {
    const { store, registry } = await open()
    const times = [nowMs, nowMs + 5]
    await eraseUser(erasedUser, { store, nowMs: () => times.shift()!, isDryRun: false })

    for (const readAtMs of [nowMs - 1, nowMs + 5, nowMs + 6])
      await registry.publish(versionOf(`read-${readAtMs - nowMs}`, { readAtMs }))
    for (const startedFrom of ['read-5', 'read-6'])
      await registry.publish(versionOf(`from-${startedFrom}`, { readAtMs: nowMs + 9, startedFrom }))

    const listed = await registry.list('small')
    const erasedAt = Object.fromEntries(listed.map(({ version, learntErasedAtMs }) => [version, learntErasedAtMs]))
    assert.deepEqual(erasedAt, {
      ...{ 'read--1': nowMs, 'read-5': nowMs, 'read-6': undefined },
      ...{ 'from-read-5': nowMs, 'from-read-6': undefined },
    })
  })

  test('an erasure that was cut off marks what is trained until it is done again, which names it all', async () => {
    const ports = await open()
    const { store, registry } = ports
    await fill(ports)
    const learnt = { trainedFromMs: startMs, trainedToMs: startMs + 100 }
    await registry.publish(versionOf('before', { ...learnt, readAtMs: startMs }, keepsAll))
    const publish = (version: string) => registry.publish(versionOf(version, { readAtMs: nowMs + 20 }, keepsAll))
    let asked = 0
    const cutOff = () => {
      if (asked++ === 1) throw new Error('cut off')
      return nowMs
    }
    await assert.rejects(eraseUser(erasedUser, { store, nowMs: cutOff, isDryRun: false }), /cut off/)
    await publish('meanwhile')

    const { versions } = await eraseUser(erasedUser, { store, nowMs: () => nowMs + 10, isDryRun: false })
    await publish('later')

    assert.deepEqual(versions.map(({ version }) => version).sort(), ['before', 'meanwhile'])
    assert.ok(!('learntErasedAtMs' in (await registry.find('later'))!), 'nothing was left to read')
  })
}
