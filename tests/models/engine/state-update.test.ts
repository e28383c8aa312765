import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { cpu } from '../../../models/engine/cpu.ts'
import { optimize } from '../../../models/engine/optimize.ts'
import { averageWeights, createOptimizer } from '../../../models/engine/optimizers.ts'
import type { Program, TensorSpec, TypedArray } from '../../../models/engine/program.ts'
import { createRandom } from '../../../models/engine/random.ts'
import { record, type Step } from '../../../models/engine/record.ts'
import { splitUpdate } from '../../../models/engine/state-update.ts'
import { bitsOf, runProgram } from './run-step.ts'

const size = 37
const vector: TensorSpec = { shape: [size], dtype: 'float32' }
const drawn = (seed: number) => {
  const random = createRandom(seed)
  return Float32Array.from({ length: size }, () => random.normal())
}

/** A squared distance to `target`, learnt by AdamW with a rate for each weight, clipped, averaged, and warmed up. */
const optimizer = createOptimizer(size, {
  optimizer: { kind: 'adamw', weightDecay: 0.01 },
  schedule: { warmupSteps: 3 },
  clipNorm: 2,
})
const step: Step = {
  inputs: { target: vector },
  state: { weights: vector, average: vector, ...optimizer.state },
  run({ target }, state) {
    const rates = tf.tensor1d(drawn(9).map((rate) => Math.abs(rate) / 10))
    const distance = tf.sub(state.weights!, target!)
    const next = optimizer.update(state.weights!, tf.mul(distance, tf.relu(distance)), rates, state)
    const average = averageWeights(state.average!, next.weights, next.state.step!, 0.9)
    return { outputs: { loss: tf.sum(tf.square(distance)) }, state: { ...next.state, weights: next.weights, average } }
  },
}

/** The same with its state as inputs and outputs: all of it is in the graph. */
function stateless(program: Program): Program {
  const inputs = program.state.map(({ name, from }) => ({ name: `from.${name}`, value: from }))
  const outputs = program.state.map(({ name, to }) => ({ name: `to.${name}`, value: to }))
  return { ...program, state: [], inputs: [...program.inputs, ...inputs], outputs: [...program.outputs, ...outputs] }
}

test('the update beside the graph gives the bits of the graph that has it inside', async () => {
  const program = record(step)
  const session = await cpu.open(program, { threads: 1, state: { weights: drawn(1), average: drawn(1) } })
  const whole = stateless(program)
  let state: Record<string, TypedArray> = await session.readState()
  for (let i = 0; i < 8; i++) {
    const feeds = { target: drawn(i + 20) }
    const from = Object.fromEntries(Object.entries(state).map(([name, values]) => [`from.${name}`, values]))
    const expected = await runProgram(whole, { ...feeds, ...from })

    const { loss } = await session.run(feeds)

    assert.deepEqual(bitsOf(loss!), bitsOf(expected.loss!))
    state = await session.readState()
    for (const [name, values] of Object.entries(state))
      assert.deepEqual(bitsOf(values), bitsOf(expected[`to.${name}`]!), `${name} after step ${i}`)
  }
  await session.close()
})

test('all of an optimizer leaves the graph, which keeps what it has to reduce, and reads the weights', () => {
  const { graph, vectors, read } = splitUpdate(optimize(record(step)))!

  assert.deepEqual([...vectors].sort(), ['average', 'first', 'second', 'weights'])
  assert.deepEqual(read, ['weights'])
  assert.deepEqual(
    graph.state.map(({ name }) => name),
    ['step'],
  )
})

test('a vector that is read by anything else, and what it is made of, stays in the graph', () => {
  const split = (run: Step['run']) =>
    splitUpdate(optimize(record({ inputs: { x: vector }, state: { a: vector, b: vector }, run })))

  const shown = split(({ x }, { a, b }) => {
    const next = tf.add(a!, x!)
    return { outputs: { next }, state: { a: next, b: tf.mul(b!, tf.exp(next)) } }
  })
  const summed = split(({ x }, { a, b }) => {
    const next = tf.mul(a!, x!)
    return { outputs: { sum: tf.sum(tf.square(next)) }, state: { a: next, b: tf.add(b!, next) } }
  })
  const sines = split(({ x }, { a, b }) => ({ outputs: { x: tf.neg(x!) }, state: { a: tf.sin(a!), b: tf.cos(b!) } }))

  assert.deepEqual([shown?.vectors, summed?.vectors, sines], [['b'], ['b'], null])
})

test('a program that is nothing but an update stays whole', async () => {
  const program = record({
    inputs: {},
    state: { a: vector },
    run: (_, { a }) => ({ outputs: {}, state: { a: tf.add(a!, 1) } }),
  })
  const session = await cpu.open(program, { threads: 1 })

  await session.run({})
  await session.run({})

  assert.equal(splitUpdate(optimize(program)), null)
  assert.deepEqual((await session.readState()).a, new Float32Array(size).fill(2))
  await session.close()
})
