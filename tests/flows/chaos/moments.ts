import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { createRandom } from '../../../models/engine/random.ts'
import { type Input, inputOf, openChaos } from './world.ts'

/**
 * Two processes in one group, each killed at a step drawn by the seed and started again, several times, so that partitions
 * move between them: `count` times the same bytes as a run that nothing disturbed.
 */
export function testMoments(count: number): void {
  const input = inputOf(60, 2)
  let whole: Awaited<ReturnType<typeof undisturbed>>

  before(async () => {
    whole = await undisturbed(input)
  })

  // Most of a run is waiting for the group to miss the members that were killed.
  describe('two processes killed at random', { concurrency: 4 }, () => {
    for (let seed = 0; seed < count; seed++) {
      test(`seed ${seed}: the same bytes as without`, async () => {
        assert.deepEqual(await killedAtMoments(input, seed, whole.steps), whole.digest)
      })
    }
  })
}

async function undisturbed(input: Input) {
  const run = await openChaos(input)
  try {
    run.start()
    await run.settled()
    return { digest: (await run.digest()).digest, steps: run.steps().length }
  } finally {
    await run.stop()
    await run.close()
  }
}

async function killedAtMoments(input: Input, seed: number, steps: number) {
  const random = createRandom(seed)
  const run = await openChaos(input)
  const live = async () => {
    for (let lives = 1 + Math.floor(random.uniform() * 3); lives > 0; lives--) {
      await run.start({ CHAOS_COUNT: String(1 + Math.floor((random.uniform() * steps) / 2)) }).ended
    }
  }
  try {
    // One that has too little left to do is not killed: it ends with the run.
    await Promise.race([Promise.all([live(), live()]), run.settled()])
    run.start()
    await run.settled()
    return (await run.digest()).digest
  } finally {
    await run.stop()
    await run.close()
  }
}
