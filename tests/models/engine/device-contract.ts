import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import type { Device, Session } from '../../../models/engine/device.ts'
import { createOptimizer } from '../../../models/engine/optimizers.ts'
import type { Program, TensorSpec } from '../../../models/engine/program.ts'
import { createRandom, fillDropoutMask } from '../../../models/engine/random.ts'
import { record } from '../../../models/engine/record.ts'
import { bitsOf, runProgram, runStep } from './run-step.ts'

const pair: TensorSpec = { shape: [2], dtype: 'float32' }

/** Adds its input to a sum, counts its runs, and tells the sum before. */
const adding = (): Program =>
  record({
    inputs: { x: pair },
    state: { sum: pair, runs: { shape: [], dtype: 'int32' } },
    run: ({ x }, { sum, runs }) => ({
      outputs: { before: sum!, after: tf.add(sum!, x!) },
      state: { sum: tf.add(sum!, x!), runs: tf.add(runs!, tf.scalar(1, 'int32')) },
    }),
  })
async function withSession<T>(
  device: Device,
  program: Program,
  use: (session: Session) => Promise<T>,
  state = {},
): Promise<T> {
  const session = await device.open(program, { threads: 1, state })
  try {
    return await use(session)
  } finally {
    await session.close()
  }
}

/** A layer with dropout, trained a few steps on random data; all that comes out, as bits. */
async function trained(device: Device, seed: number, threads: number): Promise<number[]> {
  const [rows, inputs, hidden] = [33, 20, 17]
  const size = inputs * hidden + hidden
  const optimizer = createOptimizer(size, { optimizer: { kind: 'adam' }, clipNorm: 1 })
  const vector: TensorSpec = { shape: [size], dtype: 'float32' }
  const program = record({
    inputs: { x: { shape: [rows, inputs], dtype: 'float32' }, mask: { shape: [rows, hidden], dtype: 'float32' } },
    state: { weights: vector, ...optimizer.state },
    run: ({ x, mask }, { weights, ...state }) => {
      const loss = (flat: tf.Tensor) => {
        const matrix = tf.reshape(tf.slice1d(flat as tf.Tensor1D, 0, inputs * hidden), [inputs, hidden])
        const out = tf.reshape(tf.slice1d(flat as tf.Tensor1D, inputs * hidden, hidden), [hidden, 1])
        const layer = tf.mul(tf.relu(tf.matMul(x!, matrix)), mask!)
        return tf.mean(tf.softplus(tf.matMul(layer, out))) as tf.Scalar
      }
      const { value, grad } = tf.valueAndGrad(loss)(weights!)
      const next = optimizer.update(weights!, grad, 0.01, state)
      return { outputs: { value }, state: { weights: next.weights, ...next.state } }
    },
  })
  const random = createRandom(seed)
  const weights = Float32Array.from({ length: size }, () => random.normal() * 0.2)
  const session = await device.open(program, { threads, state: { weights } })
  const bits: number[] = []
  for (let i = 0; i < 10; i++) {
    const mask = new Float32Array(rows * hidden)
    fillDropoutMask(mask, 0.3, random)
    const x = Float32Array.from({ length: rows * inputs }, () => random.normal())
    bits.push(...bitsOf((await session.run({ x, mask })).value!))
  }
  const state = await session.readState()
  await session.close()
  return [...bits, ...Object.values(state).flatMap(bitsOf)]
}

/** The suite that a device passes: state, feeds, faults, and the same bytes again. */
export function testDevice(device: Device): void {
  test(`${device.name}: state starts at zero or as given, and is carried from run to run`, async () => {
    const start = Float32Array.of(10, 20)
    await withSession(
      device,
      adding(),
      async (session) => {
        assert.deepEqual(await session.readState(), { sum: Float32Array.of(10, 20), runs: Int32Array.of(0) })

        for (let i = 1; i <= 5; i++) {
          const outputs = await session.run({ x: Float32Array.of(1, i) })
          assert.deepEqual(outputs.before, Float32Array.of(9 + i, 20 + (i * (i - 1)) / 2))
          assert.deepEqual(outputs.after, Float32Array.of(10 + i, 20 + (i * (i + 1)) / 2))
        }
        assert.deepEqual(await session.readState(), { sum: Float32Array.of(15, 35), runs: Int32Array.of(5) })
      },
      { sum: start },
    )
    assert.deepEqual(start, Float32Array.of(10, 20), 'the caller keeps what it gave')
  })

  test(`${device.name}: states that go over into each other are all read before any is replaced`, async () => {
    const program = record({
      inputs: {},
      state: { a: pair, b: pair },
      run: (_, { a, b }) => ({ outputs: {}, state: { a: b!, b: tf.add(a!, b!) } }),
    })
    const fibonacci = await withSession(
      device,
      program,
      async (session) => {
        for (let i = 0; i < 10; i++) await session.run({})
        return session.readState()
      },
      { a: Float32Array.of(0, 1), b: Float32Array.of(1, 1) },
    )

    assert.deepEqual(fibonacci, { a: Float32Array.of(55, 89), b: Float32Array.of(89, 144) })
  })

  test(`${device.name}: a state that is read is a copy`, () =>
    withSession(device, adding(), async (session) => {
      const read = await session.readState()
      read.sum!.fill(99)
      await session.run({ x: Float32Array.of(1, 2) })

      assert.deepEqual((await session.readState()).sum, Float32Array.of(1, 2))
      assert.deepEqual(read.sum, Float32Array.of(99, 99))
    }))

  test(`${device.name}: outputs stay as they are until the next run, whatever becomes of the feeds`, () =>
    withSession(device, adding(), async (session) => {
      const x = Float32Array.of(1, 2)
      const outputs = await session.run({ x })
      x.fill(50)
      await session.readState()

      assert.deepEqual(outputs.after, Float32Array.of(1, 2))
    }))

  test(`${device.name}: what one run gives may be fed to the next`, () =>
    withSession(device, adding(), async (session) => {
      const { after: first } = await session.run({ x: Float32Array.of(1, 2) })
      const { after: second } = await session.run({ x: first! })

      assert.deepEqual([...second!], [2, 4])
    }))

  test(`${device.name}: a value to start from that does not fit its state is refused`, async () => {
    for (const length of [0, 1, 3]) {
      await assert.rejects(device.open(adding(), { threads: 1, state: { sum: new Float32Array(length) } }), {
        code: 'ENGINE_STATE_MISMATCH',
        message: new RegExp(`"sum" has 2 entries .* ${length}`),
      })
    }
  })

  test(`${device.name}: sessions of one program do not share their state`, async () => {
    const program = adding()
    await withSession(device, program, (left) =>
      withSession(device, program, async (right) => {
        await left.run({ x: Float32Array.of(1, 1) })
        await right.run({ x: Float32Array.of(5, 5) })
        await left.run({ x: Float32Array.of(1, 1) })

        assert.deepEqual((await left.readState()).sum, Float32Array.of(2, 2))
        assert.deepEqual((await right.readState()).sum, Float32Array.of(5, 5))
      }),
    )
  })

  test(`${device.name}: a closed session runs no more, and may be closed again`, async () => {
    const session = await device.open(adding(), { threads: 1 })
    await session.close()
    await session.close()

    await assert.rejects(session.run({ x: Float32Array.of(1, 1) }))
  })

  test(`${device.name}: feeds that are missing, too long or of another type are refused`, () =>
    withSession(device, adding(), async (session) => {
      const refused = { code: 'ENGINE_FEED_MISMATCH', message: /"x"/ }
      await assert.rejects(session.run({}), refused)
      await assert.rejects(session.run({ x: new Float32Array(3) }), refused)
      await assert.rejects(session.run({ x: new Int32Array(2) }), refused)
      await session.run({ x: Float32Array.of(1, 1) })

      assert.deepEqual((await session.readState()).runs, Int32Array.of(1))
    }))

  test(`${device.name}: tensors of every type go in and come out`, async () => {
    const outputs = await runStep(
      {
        inputs: { truth: { shape: [3], dtype: 'bool' }, whole: { shape: [2], dtype: 'int32' }, x: pair },
        run: ({ truth, whole, x }) => ({
          outputs: { not: tf.logicalNot(truth!), double: tf.add(whole!, whole!), less: tf.less(x!, 0) },
        }),
      },
      { truth: Uint8Array.of(1, 0, 1), whole: Int32Array.of(-3, 2 ** 30 - 1), x: Float32Array.of(-1, 1) },
      device,
    )

    assert.deepEqual(outputs, {
      not: Uint8Array.of(0, 1, 0),
      double: Int32Array.of(-6, 2 ** 31 - 2),
      less: Uint8Array.of(1, 0),
    })
  })

  test(`${device.name}: inputs, outputs and states without elements are fine`, async () => {
    const empty: TensorSpec = { shape: [2, 0, 3], dtype: 'float32' }
    const program = record({
      inputs: { nothing: empty, none: { shape: [0], dtype: 'int32' }, x: { shape: [2, 2], dtype: 'float32' } },
      state: { void: empty },
      run: ({ nothing, none, x }, state) => {
        const { value, grads } = tf.valueAndGrads((a, b) => tf.add(tf.sum(tf.square(a!)), tf.sum(tf.square(b!))))([
          nothing!,
          x!,
        ])
        return {
          outputs: {
            value,
            slope: grads[1]!,
            emptySlope: grads[0]!,
            ofMean: tf.grad((a) => tf.sum(tf.mean(a, 0)))(nothing!),
            ofSum: tf.grad((a) => tf.sum(tf.sum(a, 1)))(nothing!),
            joined: tf.concat([tf.reshape(nothing!, [2, 0]), x!], 1),
            sums: tf.sum(nothing!, 1),
            rows: tf.gather(x!, none!),
          },
          state: { void: tf.add(state.void!, nothing!) },
        }
      },
    })
    const feeds = { nothing: new Float32Array(0), none: new Int32Array(0), x: Float32Array.of(1, 2, 3, 4) }

    assert.deepEqual(await runProgram(program, feeds, device), {
      value: Float32Array.of(30),
      slope: Float32Array.of(2, 4, 6, 8),
      emptySlope: new Float32Array(0),
      ofMean: new Float32Array(0),
      ofSum: new Float32Array(0),
      joined: Float32Array.of(1, 2, 3, 4),
      sums: new Float32Array(6),
      rows: new Float32Array(0),
    })
  })

  test(`${device.name}: a node that no lowering knows is refused with its kernel and its line`, async () => {
    const program: Program = {
      values: [pair, pair],
      nodes: [{ kernel: 'Teleport', inputs: [0], outputs: [1], attributes: {}, line: 'model.ts:7' }],
      constants: new Map(),
      inputs: [{ name: 'x', value: 0 }],
      outputs: [{ name: 'y', value: 1 }],
      state: [],
    }

    await assert.rejects(device.open(program, { threads: 1 }), {
      code: 'ENGINE_KERNEL_NOT_LOWERED',
      message: /Teleport, used at model\.ts:7/,
    })
  })

  test(`${device.name}: the same program and seed give the same bytes, twice, with as many threads; another seed gives others`, async () => {
    for (const threads of [1, 2]) assert.deepEqual(await trained(device, 3, threads), await trained(device, 3, threads))
    assert.notDeepEqual(await trained(device, 3, 1), await trained(device, 4, 1))
  })

  test(`${device.name}: a run gives the same bits for the same feeds, whatever ran before it`, async () => {
    const program = record({
      inputs: { x: { shape: [5, 4], dtype: 'float32' } },
      run: ({ x }) => ({ outputs: { y: tf.softmax(tf.matMul(x!, x!, false, true)) } }),
    })
    await withSession(device, program, (session) =>
      fc.assert(
        fc.asyncProperty(fc.nat(), fc.nat(), async (seed, other) => {
          const draw = (from: number) => {
            const { normal } = createRandom(from)
            return { x: Float32Array.from({ length: 20 }, normal) }
          }
          const first = bitsOf((await session.run(draw(seed))).y!)
          await session.run(draw(other))

          assert.deepEqual(bitsOf((await session.run(draw(seed))).y!), first)
        }),
        { numRuns: 50 },
      ),
    )
  })
}
