import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { openOnnxFile } from '../../../../models/engine/cpu.ts'
import { toOnnx } from '../../../../models/engine/onnx/lower.ts'
import { createRandom } from '../../../../models/engine/random.ts'
import { record } from '../../../../models/engine/record.ts'
import { type NamedTensor, readSafetensors, writeSafetensors } from '../../../../models/engine/safetensors.ts'
import { bitsOf, runProgram } from '../run-step.ts'

let folder = ''
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'polyrank-onnx-'))
})
after(() => rm(folder, { recursive: true }))

const { normal, uniform } = createRandom(1)
const drawn = (name: string, ...shape: number[]): NamedTensor => ({
  name,
  shape,
  data: Float32Array.from({ length: shape.reduce((size, extent) => size * extent, 1) }, normal),
})
const weights = [drawn('table.deep', 500, 7), drawn('dense.weight', 7, 3), drawn('dense.bias', 3), drawn('scale')]

/** Looks rows up in a table and runs a layer over them. */
const program = record({
  inputs: {
    rows: { shape: [4], dtype: 'int32' },
    ...Object.fromEntries(weights.map(({ name, shape }) => [name, { shape, dtype: 'float32' as const }])),
  },
  run: (x) => {
    const looked = tf.gather(x['table.deep']!, x.rows as tf.Tensor1D)
    const layer = tf.add(tf.matMul(looked, x['dense.weight']!), x['dense.bias']!)
    return { outputs: { scores: tf.mul(tf.sigmoid(layer), x.scale!) } }
  },
})

async function writeModel(name: string, tensors: readonly NamedTensor[], location = `${name}.safetensors`) {
  const { pieces, tensors: stored } = writeSafetensors(tensors)
  const external = Object.fromEntries(stored.map((each) => [each.name, { ...each, location }]))
  await writeFile(join(folder, location), Buffer.concat(pieces))
  await writeFile(join(folder, `${name}.onnx`), toOnnx(program, external))
  return join(folder, `${name}.onnx`)
}

test('a graph whose weights lie in a safetensors file gives the scores of weights fed as inputs', async () => {
  const session = await openOnnxFile(await writeModel('whole', weights), { threads: 1 })
  const fed = Object.fromEntries(weights.map(({ name, data }) => [name, data]))

  for (let i = 0; i < 5; i++) {
    const rows = Int32Array.from({ length: 4 }, () => Math.floor(uniform() * 500))
    const wanted = await runProgram(program, { rows, ...fed })
    const { scores } = await session.run({ rows })
    assert.deepEqual(bitsOf(scores!), bitsOf(wanted.scores!))
  }
  await session.close()
})

test('the graph itself holds none of the weights, and names the file relative to its own', () => {
  const graph = toOnnx(program, {
    'table.deep': { location: 'weights.safetensors', offset: 4096, sizeBytes: 14_000 },
    'dense.weight': { location: 'weights.safetensors', offset: 20_480, sizeBytes: 84 },
  })

  assert.ok(graph.byteLength < 1500, `${graph.byteLength} bytes`)
  const text = Buffer.from(graph).toString('latin1')
  for (const part of ['weights.safetensors', '4096', '14000', '20480']) assert.ok(text.includes(part), part)
})

test('what is not in the file stays an input of the graph', async () => {
  const session = await openOnnxFile(await writeModel('part', weights.slice(0, 2)), { threads: 1 })
  const rows = Int32Array.of(0, 499, 3, 3)
  const [, , bias, scale] = weights.map(({ data }) => data)
  const fed = Object.fromEntries(weights.map(({ name, data }) => [name, data]))

  const { scores } = await session.run({ rows, 'dense.bias': bias!, scale: scale! })
  assert.deepEqual(bitsOf(scores!), bitsOf((await runProgram(program, { rows, ...fed })).scores!))
  await session.close()
})

test('the same file serves graphs and readers alike', async () => {
  const path = await writeModel('shared', weights)
  const read = readSafetensors(await readFile(path.replace('.onnx', '.safetensors')))

  for (const { name, data } of weights) assert.deepEqual(read.get(name)!.data, data)
})

test('a graph whose weights file is missing or cut does not open', async () => {
  const missing = await writeModel('missing', weights)
  await rm(join(folder, 'missing.safetensors'))
  await assert.rejects(openOnnxFile(missing, { threads: 1 }))

  const cut = await writeModel('cut', weights)
  await writeFile(join(folder, 'cut.safetensors'), Buffer.alloc(5000))
  await assert.rejects(openOnnxFile(cut, { threads: 1 }))
})

test('the same program gives the same graph, byte for byte', () => {
  assert.deepEqual(toOnnx(program), toOnnx(program))
})
