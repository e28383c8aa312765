import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { type Chaos, inputOf, openChaos } from './world.ts'

const input = inputOf(60)
let whole: Awaited<ReturnType<Chaos['digest']>>
let steps: ReadonlySet<string>

/** What the flow is made of. A step that is missing here has no case below, and fails the first test. */
const flow = ['begin', 'claim', 'accept', 'quarantine', 'committed']
const joins = ['begin', 'sources', 'pending', 'addCatalog', 'slates', 'remembered', 'save', 'finish', 'committed']
const named = [...flow.map((step) => `ingest.${step}`), ...joins.map((step) => `join.${step}`)]
const cases = named.flatMap((step) => (/begin|committed/.test(step) ? [step] : [step, `${step} done`]))

before(async () => {
  const run = await openChaos(input)
  try {
    run.start()
    await run.settled()
    whole = await run.digest()
    steps = new Set(run.steps())
  } finally {
    await run.stop()
    await run.close()
  }
})

test('a run that nothing disturbs takes all in: the good, the broken, and nothing twice', () => {
  const { state } = whole
  assert.ok(state.slates!.length === 60 && state.examples!.length > 100 && state.letters!.length > 3)
  assert.deepEqual([state.pending!.length, state.orphans!.length], [0, 0])
  assert.ok(
    state.sources!.every((source) => source.includes('"late":0')),
    state.sources!.join(),
  )
})

test('every step of the flow has its case', () => {
  assert.deepEqual([...steps].sort(), [...cases].sort())
})

// Most of a case is waiting for the group to miss the member that was killed.
describe('kill -9', { concurrency: 4 }, () => {
  for (const step of cases) {
    test(`at ${step}: the same bytes as without`, async () => {
      const run = await openChaos(input)
      try {
        // Records come in several transactions: one has gone through by the second time.
        const count = /accept|claim|ingest.committed/.test(step) ? '2' : '1'
        await run.start({ CHAOS_STEP: step, CHAOS_COUNT: count }).ended
        run.start()
        await run.settled()
        assert.deepEqual((await run.digest()).digest, whole.digest)
      } finally {
        await run.stop()
        await run.close()
      }
    })
  }
})
