import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../../../../models/spec/fault.ts'
import type { RankedSlate } from '../../../../pipelines/ranking/ports.ts'
import { servingLive, testApp } from '../fake-service.ts'

const request = { userId: 'u1', candidates: [{ itemId: 'a' }, { itemId: 'b' }, { itemId: 'c' }] }
const rank = { method: 'POST', url: '/v1/rank' } as const

test('candidates come back best first under the slate that was logged', async () => {
  const slates: RankedSlate[] = []
  const append = async (slate: RankedSlate) => void slates.push(slate)
  const { app } = await testApp({ slateLog: { append } })

  const answer = await app.inject({ ...rank, payload: { ...request, limit: 2 } })

  const { slateId, ranker, modelVersion, items, unknownItems, degraded } = answer.json()
  assert.deepEqual([ranker, modelVersion, unknownItems, degraded], ['small', 'v1', [], ['user']])
  assert.deepEqual(
    items.map(({ itemId }: { itemId: string }) => itemId),
    ['c', 'b'],
  )
  assert.deepEqual(Object.keys(items[0].tasks), ['click', 'watch'])
  assert.deepEqual([slates.length, slates[0]?.slateId, slates[0]?.items.length], [1, slateId, 3])
  await app.close()
})

test('a ranker is asked for by name, and an answer holds that version open until it is sent', async () => {
  const seen: (string | undefined)[] = []
  const { app } = await testApp({
    live: {
      ...servingLive,
      use: async (ranker, work) => {
        seen.push(ranker)
        try {
          return await servingLive.use(ranker, work)
        } finally {
          seen.push('done')
        }
      },
    },
  })

  await app.inject({ ...rank, payload: { ...request, ranker: 'home' } })
  await app.inject({ ...rank, payload: request })

  assert.deepEqual(seen, ['home', 'done', undefined, 'done'])
  await app.close()
})

test('a store that does not answer costs the features, not the answer; both are counted and logged', async () => {
  const know = async () => {
    throw new Error('the store is gone')
  }
  const { app, logged } = await testApp({ knowledge: { know } })

  const answer = await app.inject({ ...rank, payload: request })

  assert.deepEqual([answer.statusCode, answer.json().degraded], [200, ['knowledge']])
  assert.deepEqual(
    logged.map(({ what, msg }) => [what, msg]),
    [['knowledge', 'ranked without it']],
  )
  const { payload: metrics } = await app.inject({ url: '/metrics' })
  assert.match(metrics, /^polyrank_rank_degraded_total\{what="knowledge"\} 1$/m)
  assert.match(metrics, /^polyrank_rank_candidates_sum\{ranker="small"\} 3$/m)
  await app.close()
})

test('an answer whose slate could not be logged is not given', async () => {
  const append = async () => {
    throw new Fault('DISK_FULL', 'No space.', { status: 503, retry: true })
  }
  const { app } = await testApp({ slateLog: { append } })

  const answer = await app.inject({ ...rank, payload: request })

  assert.deepEqual([answer.statusCode, answer.json().code], [503, 'DISK_FULL'])
  await app.close()
})
