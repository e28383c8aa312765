import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import { record } from '../../../models/engine/record.ts'
import { createDraws } from './draws.ts'
import { near } from './near.ts'
import { drawRows, transformerStep } from './transformer.ts'
import { drawTransformer, type TransformerSizes, transformerLayout, transformerSizes } from './transformer-model.ts'

const tiny: TransformerSizes = { tokens: 3, width: 4, heads: 2, layers: 2, inner: 5, tasks: 2 }

type Matrix = readonly (readonly number[])[]
const multiply = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0]!.map((_, j) => row.reduce((sum, each, k) => sum + each * b[k]![j]!, 0)))
const plus = (a: Matrix, b: Matrix): Matrix => a.map((row, i) => row.map((each, j) => each + b[i]![j]!))
const plusEach = (a: Matrix, [bias]: Matrix): Matrix => a.map((row) => row.map((each, j) => each + bias![j]!))
const columns = (a: Matrix, from: number, count: number): Matrix => a.map((row) => row.slice(from, from + count))

function normalised(x: Matrix, [gain]: Matrix, [shift]: Matrix): Matrix {
  return x.map((row) => {
    const mean = row.reduce((sum, each) => sum + each, 0) / row.length
    const variance = row.reduce((sum, each) => sum + (each - mean) ** 2, 0) / row.length
    return row.map((each, j) => ((each - mean) / Math.sqrt(variance + 1e-5)) * gain![j]! + shift![j]!)
  })
}

/** The formula of one example, token by token, in plain numbers: rows [tokens][width] to a logit a task. */
function logitsByHand(sizes: TransformerSizes, flat: Float32Array, rows: Matrix): readonly number[] {
  const { tokens, width, heads, layers } = sizes
  const depth = width / heads
  const parameter = (name: string): Matrix => {
    const { offset, shape } = transformerLayout(sizes).parameters.find((each) => each.name === name)!
    const [height, wide] = shape.length === 1 ? [1, shape[0]!] : (shape as [number, number])
    return Array.from({ length: height }, (_, i) => [...flat.subarray(offset + i * wide, offset + (i + 1) * wide)])
  }
  let x = rows
  for (let layer = 0; layer < layers; layer++) {
    const of = (name: string) => parameter(`${layer}.${name}`)
    const projected = multiply(normalised(x, of('attention.gain'), of('attention.shift')), of('attention.in'))
    const mixed = Array.from({ length: tokens }, () => new Array<number>(width).fill(0))
    for (let head = 0; head < heads; head++) {
      const [q, k, v] = [0, 1, 2].map((part) => columns(projected, part * width + head * depth, depth))
      for (let token = 0; token < tokens; token++) {
        const dot = (seen: number) => q![token]!.reduce((sum, each, i) => sum + each * k![seen]![i]!, 0)
        const weights = Array.from({ length: token + 1 }, (_, seen) => Math.exp(dot(seen) / Math.sqrt(depth)))
        const total = weights.reduce((sum, each) => sum + each, 0)
        for (let i = 0; i < depth; i++)
          mixed[token]![head * depth + i] = weights.reduce((sum, each, seen) => sum + (each / total) * v![seen]![i]!, 0)
      }
    }
    x = plus(x, multiply(mixed, of('attention.out')))
    const inner = plusEach(
      multiply(normalised(x, of('inner.gain'), of('inner.shift')), of('inner.in')),
      of('inner.in.bias'),
    )
    const active = inner.map((row) => row.map((each) => each / (1 + Math.exp(-each))))
    x = plus(x, plusEach(multiply(active, of('inner.out')), of('inner.out.bias')))
  }
  const mean = x[0]!.map((_, j) => x.reduce((sum, row) => sum + row[j]!, 0) / tokens)
  return multiply([mean], parameter('head'))[0]!
}

function lossByHand(flat: Float32Array, rows: Float32Array, labels: Float32Array): number {
  const { tokens, width, tasks } = tiny
  const examples = labels.length / tasks
  let sum = 0
  for (let example = 0; example < examples; example++) {
    const tokenAt = (token: number) => (example * tokens + token) * width
    const own = Array.from({ length: tokens }, (_, token) => [...rows.subarray(tokenAt(token), tokenAt(token) + width)])
    logitsByHand(tiny, flat, own).forEach((logit, task) => {
      sum += Math.log1p(Math.exp(logit)) - logit * labels[example * tasks + task]!
    })
  }
  return sum / labels.length
}

/** Parameters none of which is special: gains are not 1, and biases not 0. */
const drawn = () => {
  const draws = createDraws()
  const weights = drawTransformer(draws, tiny).map((weight, i) => weight + 0.2 * Math.sin(i))
  return { weights, ...drawRows(draws, tiny, 2) }
}

async function runTiny({ weights, rows, labels }: ReturnType<typeof drawn>) {
  const session = await cpu.open(record(transformerStep(tiny, 2)), { threads: 1, state: { weights } })
  const { loss, gradient } = await session.run({ rows, labels })
  await session.close()
  return { loss: loss![0]!, gradient: gradient!.slice() }
}

test('the recorded transformer has the loss of its formula', async () => {
  const given = drawn()

  const { loss } = await runTiny(given)

  near([loss], [lossByHand(given.weights, given.rows, given.labels)], 1e-6)
})

test('the gradient of the rows is the slope of the formula', async () => {
  const given = drawn()
  const step = 1e-3

  const { gradient } = await runTiny(given)

  const slopes = Array.from(given.rows, (_, i) => {
    const at = (moved: number) => lossByHand(given.weights, given.rows.with(i, given.rows[i]! + moved), given.labels)
    return (at(step) - at(-step)) / (2 * step)
  })
  near(gradient, slopes, 1e-5)
})

test('a label says whether the sum over tokens of the feature of its number is above zero', () => {
  const { rows, labels } = drawn()

  const { tokens, width, tasks } = tiny
  for (let example = 0; example < 2; example++) {
    for (let task = 0; task < tasks; task++) {
      const values = Array.from({ length: tokens }, (_, token) => rows[(example * tokens + token) * width + task]!)
      const sum = values.reduce((total, value) => total + value, 0)
      assert.equal(labels[example * tasks + task], sum > 0 ? 1 : 0)
    }
  }
})

test('the step of the benchmark has the losses that PyTorch prints', async () => {
  const draws = createDraws()
  const weights = drawTransformer(draws, transformerSizes)
  const batch = drawRows(draws, transformerSizes, 128)
  const session = await cpu.open(record(transformerStep(transformerSizes, 128)), { threads: 1, state: { weights } })

  const losses: number[] = []
  for (let step = 0; step < 3; step++) losses.push((await session.run(batch)).loss![0]!)
  await session.close()

  near(losses, [0.69105, 0.67937, 0.66955], 1e-5)
})
