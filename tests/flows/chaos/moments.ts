import assert from 'node:assert/strict'
import { createRandom } from '../../../models/engine/random.ts'
import { type Input, openChaos } from './world.ts'

/** What an undisturbed run on the input comes to. */
export async function undisturbed(input: Input): Promise<{ readonly digest: object; readonly steps: number }> {
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

/**
 * Two processes in one group on the input; each is killed at a step drawn by `seed` and started again, several times, so
 * that partitions move between them. Fails where the outcome differs from `whole`.
 */
export async function killAtMoments(
  input: Input,
  seed: number,
  whole: { digest: object; steps: number },
): Promise<void> {
  const random = createRandom(seed)
  const run = await openChaos(input)
  const lives = 2 + Math.floor(random.uniform() * 2)
  const live = async () => {
    for (let life = 0; life < lives; life++) {
      const count = 1 + Math.floor(random.uniform() * (whole.steps / 2))
      await run.start({ CHAOS_COUNT: String(count) }).ended
    }
  }
  try {
    // One that has nothing left to do is not killed: it ends with the run.
    const killed = Promise.all([live(), live()])
    killed.catch(() => {})
    await Promise.race([killed, run.settled()])
    run.start()
    await run.settled()
    assert.deepEqual((await run.digest()).digest, whole.digest, `seed ${seed}`)
  } finally {
    await run.stop()
    await run.close()
  }
}
