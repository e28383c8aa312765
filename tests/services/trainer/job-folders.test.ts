import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { JobState } from '../../../pipelines/training/jobs.ts'
import { removeEnded } from '../../../services/trainer/job-folders.ts'
import { temporaryFolder } from '../../flows/process.ts'
import { aJob } from '../ranker/fake-service.ts'

test('folders of jobs that wait or run stay; those of jobs that ended, or that nobody knows, go', async () => {
  const folder = temporaryFolder()
  for (const name of ['queued', 'running', 'completed', 'failed', 'cancelled', 'version']) {
    mkdirSync(join(folder, name, 'checkpoint'), { recursive: true })
    writeFileSync(join(folder, name, 'checkpoint', 'checkpoint.json'), '{}')
  }
  const find = async (id: string) => (id === 'version' ? null : aJob({ id, state: id as JobState }))

  await removeEnded(folder, { find })

  assert.deepEqual(readdirSync(folder).sort(), ['queued', 'running'])
  assert.deepEqual(readdirSync(join(folder, 'running', 'checkpoint')), ['checkpoint.json'])
})
