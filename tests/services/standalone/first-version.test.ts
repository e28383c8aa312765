import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Job, JobRequest } from '../../../pipelines/training/jobs.ts'
import { trainFirstVersion } from '../../../services/standalone/first-version.ts'
import type { ProgressView } from '../../../services/standalone/progress.ts'
import { aJob, fakeService } from '../ranker/fake-service.ts'

interface World {
  readonly jobs: Parameters<typeof trainFirstVersion>[1]['jobs']
  readonly enqueued: readonly JobRequest[]
  readonly view: ProgressView
  readonly shown: readonly string[]
}

/** A queue in which `there` wait, and where a job is found to be what `becomes` says, one look after the other. */
function world(there: readonly Job[], becomes: readonly Job[]): World {
  const enqueued: JobRequest[] = []
  const shown: string[] = []
  const left = [...becomes]
  return {
    jobs: {
      ...fakeService().jobs,
      list: async () => there,
      enqueue: async (request) => {
        enqueued.push(request)
        return aJob()
      },
      find: async (id) => ({ ...left.shift()!, id }),
    },
    enqueued,
    view: {
      show: (stage, done, of, note) => void shown.push(`${stage} ${done}/${of}${note === undefined ? '' : ` ${note}`}`),
      say: () => {},
      end: () => {},
    },
    shown,
  }
}
const { registry } = fakeService()
const running = (stage: 'reading' | 'training', done: number, note?: string) =>
  aJob({ state: 'running', progress: { stage, done, of: 4, ...(note === undefined ? {} : { note }) } })
const completed = aJob({ state: 'completed' })
const runs = () => false

test('where a version serves already there is nothing to train', async () => {
  const { jobs, enqueued, view } = world([], [])
  const active = async () => ({ ranker: 'small', version: 'v1', reason: '', activatedAtMs: 0 })

  assert.equal(await trainFirstVersion('small', { jobs, registry: { ...registry, active } }, view, runs), null)
  assert.deepEqual(enqueued, [])
})

test('the first version is trained, and its stages are shown by their names', async () => {
  const { jobs, enqueued, view, shown } = world(
    [],
    [running('reading', 2), running('training', 1, 'pass 1'), completed],
  )

  const job = await trainFirstVersion('small', { jobs, registry }, view, runs)

  assert.equal(job?.state, 'completed')
  assert.deepEqual(enqueued, [{ kind: 'train', payload: { ranker: 'small' } }])
  assert.deepEqual(shown, ['Starting to train 0/1', 'Reading examples 2/4', 'Training 1/4 pass 1'])
})

test('a job that is there for the ranker is gone on with; those that ended or are of others are not', async () => {
  const others = [
    aJob({ id: 'ended', state: 'failed' }),
    aJob({ id: 'other', state: 'running', payload: { ranker: 'other' } }),
  ]
  const going = world([...others, aJob({ id: 'going', state: 'running' })], [completed])
  const none = world(others, [completed])

  const first = await trainFirstVersion('small', { jobs: going.jobs, registry }, going.view, runs)
  await trainFirstVersion('small', { jobs: none.jobs, registry }, none.view, runs)

  assert.deepEqual([first?.id, going.enqueued.length, none.enqueued.length], ['going', 0, 1])
})

test('a job that fails is returned as it ended', async () => {
  const { jobs, view } = world([], [aJob({ state: 'failed', faultCode: 'TRAINING_NO_EXAMPLES' })])

  const job = await trainFirstVersion('small', { jobs, registry }, view, runs)

  assert.deepEqual([job?.state, job?.faultCode], ['failed', 'TRAINING_NO_EXAMPLES'])
})

test('when the process is asked to stop, the job goes on without being watched', async () => {
  const { jobs, view, shown } = world([], [running('reading', 1)])
  const answers = [false, true]

  const job = await trainFirstVersion('small', { jobs, registry }, view, () => answers.shift()!)

  assert.equal(job?.state, 'running')
  assert.deepEqual(shown, ['Starting to train 0/1'])
})
