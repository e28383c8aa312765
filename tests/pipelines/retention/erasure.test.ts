import assert from 'node:assert/strict'
import { test } from 'node:test'
import { retrainWithout } from '../../../pipelines/retention/erasure.ts'
import type { Job, JobRequest } from '../../../pipelines/training/jobs.ts'
import { versionOf } from '../../contracts/versions.ts'
import { aJob } from '../../services/ranker/fake-service.ts'

/** What is queued where these versions, newest first, are all there are, and those named learnt from the user; those marked, from others who were erased. */
async function queuedFor(
  all: readonly string[],
  learnt: readonly string[],
  marked: readonly string[] = [],
): Promise<readonly Job['payload'][]> {
  const requests: JobRequest[] = []
  await retrainWithout(
    { tables: [], versions: learnt.map((version) => ({ version, ranker: 'small' })), runningJobs: [] },
    {
      enqueue: async (request) => {
        requests.push(request)
        return aJob()
      },
    },
    {
      list: async () =>
        all.map((version) => versionOf(version, marked.includes(version) ? { learntErasedAtMs: 0 } : {})),
    },
  )
  return requests.map(({ payload }) => payload)
}

test('a training starts from the last version before all that learnt from the user', async () => {
  assert.deepEqual(await queuedFor(['v5', 'v4', 'v3', 'v2', 'v1'], ['v3', 'v5']), [{ ranker: 'small', from: 'v2' }])
})

test('and from none that learnt from another one who was erased', async () => {
  assert.deepEqual(await queuedFor(['v4', 'v3', 'v2', 'v1'], ['v4'], ['v3', 'v2']), [{ ranker: 'small', from: 'v1' }])
})

test('where every version learnt from the user it starts anew', async () => {
  assert.deepEqual(await queuedFor(['v2', 'v1'], ['v1', 'v2']), [{ ranker: 'small' }])
})

test('where none did, nothing is trained', async () => {
  assert.deepEqual(await queuedFor(['v1'], []), [])
})
