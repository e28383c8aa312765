import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { record } from '../../../../models/engine/record.ts'
import { onAdapter } from './on-adapter.ts'

/** Counts its runs in every entry of its state. */
const counting = (size: number) =>
  record({
    inputs: {},
    state: { runs: { shape: [size], dtype: 'float32' } },
    run: (_, { runs }) => ({
      outputs: { before: tf.slice1d(runs as tf.Tensor1D, 0, 1) },
      state: { runs: tf.add(runs!, 1) },
    }),
  })
const mebibyte = 2 ** 20
const residentMiB = () => process.memoryUsage.rss() / mebibyte

onAdapter((device) => {
  // What a software driver takes is the process's own memory.
  const skip = device.about.notes.some((note) => note.startsWith('A software driver'))
    ? false
    : 'memory of a GPU is not counted as memory of the process'

  test('webgpu: closing a session gives its memory back at once', { skip }, async () => {
    const session = await device.open(counting(16 * mebibyte), { threads: 1 })
    for (let i = 0; i < 3; i++) await session.run({})
    const [, open] = [await session.readState(), residentMiB()]

    await session.close()

    // The state before and after a step, the copy that was read, and what the read was staged in, of 64 MiB each.
    const freed = open - residentMiB()
    assert.ok(freed > 150, `${freed} MiB were given back`)
  })

  test('webgpu: memory is the same after many steps and sessions as after a few', { skip }, async () => {
    // Without any session all memory would be given back, whatever was kept of it.
    const held = await device.open(counting(1), { threads: 1 })
    const size = 8 * mebibyte
    const use = async (steps: number) => {
      const session = await device.open(counting(size), { threads: 1 })
      for (let i = 0; i < steps; i++) assert.deepEqual((await session.run({})).before, Float32Array.of(i))
      await session.close()
      return residentMiB()
    }
    const before = await use(3)

    for (let i = 0; i < 10; i++) await use(1)
    const between = await use(3)
    const after = await use(13)
    await held.close()

    // A state kept for each session, or for each step, would be 320 MiB more.
    assert.ok(between - before < 160, `${before} MiB before, ${between} MiB after ten sessions`)
    assert.ok(after - between < 160, `${between} MiB before, ${after} MiB after ten more steps`)
  })
})
