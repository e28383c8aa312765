/**
 * Trains for a long time, then opens and closes many sessions, on the device named first; prints what the process holds
 * on the way as JSON. Started with `--expose-gc`. The second and third argument are the numbers of steps and of sessions.
 */
import { readdirSync } from 'node:fs'
import * as tf from '@tensorflow/tfjs-core'
import { type DeviceName, deviceNames } from '../../../models/engine/device.ts'
import { findDevice } from '../../../models/engine/devices.ts'
import type { TensorSpec } from '../../../models/engine/program.ts'
import { record } from '../../../models/engine/record.ts'
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
// Little to compile, since that leaves gaps in TensorFlow's memory (a trainer's step: 620 MB grew to 666 within 250
// sessions, and to no more than 674 within 500), and of the state 1 MB a session.
const square: TensorSpec = { shape: [512, 512], dtype: 'float32' }
const program = record({
  inputs: { x: square },
  state: { w: square },
  run: ({ x }, { w }) => {
    const { value, grad } = tf.valueAndGrad((weights) => tf.mean(tf.softplus(tf.matMul(x!, weights))))(w!)
    return { outputs: { value }, state: { w: tf.sub(w!, grad) } }
  },
})
const feeds = randomFeeds(program)
for (let opened = 1; opened <= Number(sessions); opened++) {
  const session = await device.open(program, { threads: 1 })
  await session.run(feeds)
  await session.close()
  if (opened % sessionsASample === 0) ofSessions.push(held(opened))
}
console.log(JSON.stringify({ ofSteps, ofSessions } satisfies LongRun))
