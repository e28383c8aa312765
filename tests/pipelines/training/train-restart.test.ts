import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import type { JoinedFeedback } from '../../../models/spec/slate.ts'
import { type Checkpoint, fromStored } from '../../../pipelines/training/checkpoint.ts'
import { fit } from '../../../pipelines/training/fit.ts'
import type { TrainingProgress } from '../../../pipelines/training/ports.ts'
import { type TrainedVersion, type TrainingContext, train } from '../../../pipelines/training/train.ts'
import { olderOf } from './older-version.ts'
import { cpuWith, optionsOf } from './small-fit.ts'
import { rankerWith, sourceOf, worldOf } from './small-source.ts'

const training = { epochs: 2, batchSize: 128 }
const definition = rankerWith(training)
/** Feedback is known up to the last but one second: the windows of the newest slates are open. */
const slates = worldOf(100).map((slate) => ({ ...slate, watermarkMs: 98_500 }))
const cut = new Error('cut off')

interface Attempt {
  readonly kept?: Checkpoint | null
  /** After so many checkpoints the process is gone. */
  readonly cutAfter?: number
  readonly changes?: Changes
}
type Changes = Partial<TrainingContext> & { readonly hardware?: string }

/** Trains with a checkpoint after every step: each takes a minute, by a clock of its own. */
async function attempt(given: Attempt) {
  const { kept = null, cutAfter = Number.POSITIVE_INFINITY, changes = {} } = given
  const { hardware = 'this', ...others } = changes
  const written: Checkpoint[] = []
  const progress: TrainingProgress[] = []
  let ms = 0
  const device = cpuWith(({ run }) => ({
    run(feeds) {
      ms += 60_000
      return run(feeds)
    },
  }))
  const context: TrainingContext = {
    ...{ definition, source: sourceOf(slates), threads: 1, parent: null },
    device: {
      ...device,
      about: { ...device.about, hardware },
      // It would refuse another precision than its own.
      open: (program, options) => device.open(program, { ...options, precision: 'float32' }),
    },
    report: (each) => void progress.push(each),
    checkpoints: {
      kept,
      readAtMs: 77,
      nowMs: () => ms,
      store: {
        place: 'memory',
        async write(stored) {
          written.push(fromStored(structuredClone(stored)))
          if (written.length >= cutAfter) throw cut
        },
      },
    },
    ...others,
  }
  const trained = await train(context).catch((error: unknown) => {
    if (error !== cut) throw error
    return null
  })
  const notes = progress.flatMap(({ note }) => (note === undefined ? [] : [note]))
  return { trained, written, notes, progress }
}
const everything = (trained: TrainedVersion | null) => {
  assert.ok(trained !== null, 'it was cut off')
  const { content, weights, holdout } = trained
  return { content, weights, holdout }
}
const whole = attempt({})

test('a training of two fits that is cut off in either goes on to the version of one that never was', async () => {
  const { trained, written } = await whole
  const steps = written.map(({ fit, state }) => `${fit} ${state.step}`)
  assert.ok(steps.includes('choosing 1') && steps.includes('learning 1'))

  for (const [i, kept] of written.entries()) {
    if (i % 2 === 1) continue
    const resumed = await attempt({ kept })

    assert.deepEqual(everything(resumed.trained), everything(trained), steps[i])
    assert.deepEqual(resumed.written, written.slice(i + 1), steps[i])
    assert.match(resumed.notes[0]!, new RegExp(`^goes on after step ${kept.state.step} of `))
  }
})

test('that holds for a training that is cut off again and again', async () => {
  let kept: Checkpoint | null = null
  let attempts = 0
  for (;;) {
    attempts++
    const { trained, written }: Awaited<ReturnType<typeof attempt>> = await attempt({ kept, cutAfter: 3 })
    if (trained !== null) {
      assert.deepEqual(everything(trained), everything((await whole).trained))
      break
    }
    kept = written.at(-1)!
  }

  assert.equal(attempts, Math.ceil(((await whole).written.length + 1) / 3))
})

test('a training without checkpoints leaves the same version', async () => {
  const trained = await train({
    ...{ definition, source: sourceOf(slates), device: cpu, threads: 1, parent: null, report: () => {} },
  })

  assert.deepEqual(everything(trained), everything((await whole).trained))
})

test('what came after the first attempt had read does not hold a training up: it goes on with what was read', async () => {
  const { trained, written } = await whole
  const kept = written.at(-3)!
  assert.deepEqual(kept.read, { fromMs: 0, toMs: 99_001, impressions: 400, watermarkMs: 98_500, readAtMs: 77 })
  // Twenty more slates, and feedback is known further; the source keeps to the range that it is asked for.
  const later = worldOf(120).map((slate) => ({ ...slate, watermarkMs: 119_000 }))
  const source: TrainingContext['source'] = {
    range: async () => assert.fail('the range is the one that was read'),
    async *read(_ranker, { fromMs, toMs }) {
      yield later.filter(({ input }) => input.occurredAtMs >= fromMs && input.occurredAtMs < toMs)
    },
  }

  const resumed = await attempt({ kept, changes: { source } })

  assert.match(resumed.notes[0]!, /^goes on after step/)
  assert.deepEqual(everything(resumed.trained), everything(trained))
  assert.deepEqual(resumed.written.at(-1), written.at(-1))
})

/** The slates, the feedback of the fourth changed. */
const relabelled = (change: (feedback: JoinedFeedback) => JoinedFeedback[]) =>
  sourceOf(
    slates.map((slate, i) => ({
      ...slate,
      impressions: slate.impressions.map((each) =>
        i === 3 ? { ...each, feedback: each.feedback.flatMap(change) } : each,
      ),
    })),
  )
/** An older version of the ranker. */
const from = olderOf(optionsOf(definition), await fit(optionsOf(definition)))
const changed: readonly (readonly [how: string, what: string, changes: Changes])[] = [
  ['a rate', 'the definition', { definition: rankerWith({ ...training, rate: 0.004 }) }],
  ['feedback that is gone', 'the examples', { source: relabelled(() => []) }],
  ['another value', 'the examples', { source: relabelled((each) => [{ ...each, value: 7 }]) }],
  ['threads', 'the device', { threads: 2 }],
  ['a machine', 'the device', { hardware: 'another' }],
  ['a precision', 'the device', { precision: 'bfloat16' }],
  ['a version', 'the start', { from }],
  ['all', 'the definition and the device', { definition: rankerWith({ ...training, seed: 2 }), threads: 2 }],
]
for (const [how, what, changes] of changed) {
  test(`where ${what} changed (${how}) a training starts over and says so`, async () => {
    const kept = (await whole).written.at(-1)!

    const [again, fresh] = [await attempt({ kept, changes }), await attempt({ changes })]

    const note = again.notes.find((each) => !each.startsWith('starts from'))
    assert.equal(note, `starts over: ${what} changed since step ${kept.state.step} of learning all`)
    assert.deepEqual(everything(again.trained), everything(fresh.trained))
    assert.deepEqual(again.written, fresh.written)
  })
}

test('a training that starts from a version goes on from its own checkpoint, and from no other start', async () => {
  const started = await attempt({ changes: { from } })
  const notesOf = async (kept: Checkpoint, changes: Changes) => {
    const { trained, notes } = await attempt({ kept, changes })
    return { trained: everything(trained), note: notes.find((note) => !note.startsWith('starts from')) }
  }

  for (const kept of [started.written[0]!, started.written.at(-2)!]) {
    const own = await notesOf(kept, { from })
    assert.match(own.note!, /^goes on after step/)
    assert.deepEqual(own.trained, everything(started.trained))
    for (const changes of [{ from: { ...from, version: 'another' } }, {}])
      assert.match((await notesOf(kept, changes)).note!, /^starts over: the start changed since step/)
  }
})

test('both fits of a training begin with the weights of the version that it starts from', async () => {
  // So slow that a step leaves weights where they were.
  const still = rankerWith({ ...training, rate: 1e-12, embeddingRate: 1e-12, wideRate: 1e-12 })

  const { written } = await attempt({ changes: { from, definition: still } })

  const own = [...from.tensors.values()].filter(({ name }) => !name.startsWith('table.'))
  const older = own.flatMap(({ data }) => [...data])
  for (const fit of ['choosing', 'learning']) {
    const { dense } = written.find((each) => each.fit === fit && each.state.step === 1)!.state
    for (const name of ['weights', 'average']) {
      const furthest = Math.max(...older.map((value, i) => Math.abs(value - Number(dense[name]![i]))))
      assert.ok(furthest < 1e-6, `${name} of ${fit}: ${furthest} away`)
    }
  }
})
