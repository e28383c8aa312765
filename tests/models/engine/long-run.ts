/**
 * Trains for a long time, then opens and closes many sessions, on the device named first; prints what the process holds
 * on the way as JSON. Started with `--expose-gc`. The second and third argument are the numbers of steps and of sessions.
 */
import { readdirSync } from 'node:fs'
import { type DeviceName, deviceNames } from '../../../models/engine/device.ts'
import { findDevice } from '../../../models/engine/devices.ts'
import { record } from '../../../models/engine/record.ts'
import { trainingStep } from '../../../models/objectives/training-step.ts'
import { fit } from '../../../pipelines/training/fit.ts'
import { optionsOf } from '../../pipelines/training/small-fit.ts'
import { rankerWith } from '../../pipelines/training/small-source.ts'
import type { Held, LongRun } from './long-run-process.ts'
import { randomFeeds } from './run-step.ts'

const [name, steps, sessions] = process.argv.slice(2)
const [sampleEvery, sessionsASample] = [500, 10]
const device = await findDevice(deviceNames.find((each) => each === name) ?? ('cpu' satisfies DeviceName))
const definition = rankerWith()
const options = { ...optionsOf(definition), device }

/** Entries of a folder of the process; 0 where the system has none. */
const count = (folder: string): number => {
  try {
    return readdirSync(`/proc/self/${folder}`).length
  } catch {
    return 0
  }
}
const held = (at: number): Held => {
  globalThis.gc!()
  return {
    at,
    residentBytes: process.memoryUsage.rss(),
    files: count('fd'),
    threads: count('task'),
    resources: process.getActiveResourcesInfo().length,
  }
}

const ofSteps: Held[] = []
let step = 0
await fit({
  ...options,
  epochs: Math.ceil(Number(steps) / Math.ceil(options.rows.length / definition.training.batchSize)),
  keeper: {
    isDue() {
      if (++step % sampleEvery === 0) ofSteps.push(held(step))
      return false
    },
    keep: async () => {},
    lastKept: () => null,
  },
})

const ofSessions: Held[] = []
const program = record(trainingStep(definition, options.network, options.rows.length))
const feeds = randomFeeds(program)
for (let opened = 1; opened <= Number(sessions); opened++) {
  const session = await device.open(program, { threads: 1 })
  await session.run(feeds)
  await session.close()
  if (opened % sessionsASample === 0) ofSessions.push(held(opened))
}
console.log(JSON.stringify({ ofSteps, ofSessions } satisfies LongRun))
