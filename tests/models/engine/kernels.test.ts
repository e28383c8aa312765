import assert from 'node:assert/strict'
import { test } from 'node:test'
import '@tensorflow/tfjs-backend-cpu'
import * as tf from '@tensorflow/tfjs-core'
import { cpu } from '../../../models/engine/cpu.ts'
import { kernels } from '../../../models/engine/kernels/table.ts'
import { lowerings, toOnnx } from '../../../models/engine/onnx/lower.ts'
import type { Program, TensorSpec, TypedArray } from '../../../models/engine/program.ts'
import { createRandom } from '../../../models/engine/random.ts'
import { record } from '../../../models/engine/record.ts'
import { type CaseInput, type KernelCase, kernelCases } from './kernel-cases.ts'

/** The oracle: the plain JavaScript backend of TensorFlow.js. */
await tf.setBackend('cpu')

const sizeOf = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1)
const specOf = ({ shape, dtype = 'float32' }: CaseInput): TensorSpec => ({ shape, dtype })

function draw(input: CaseInput, uniform: () => number): TypedArray {
  const size = sizeOf(input.shape)
  if (input.draw === 'ids') return Int32Array.from({ length: size }, () => Math.floor(uniform() * input.below!))
  if (input.draw === 'flags') return Uint8Array.from({ length: size }, () => Math.floor(uniform() * 2))
  if (input.draw === 'positive') return Float32Array.from({ length: size }, () => 0.2 + 2.8 * uniform())
  // Away from 0, where abs, relu and the like have no slope.
  return Float32Array.from({ length: size }, () => (0.1 + 1.9 * uniform()) * (uniform() < 0.5 ? -1 : 1))
}

const tensorsOf = ({ inputs }: KernelCase, data: readonly TypedArray[]): tf.Tensor[] =>
  inputs.map(({ shape, dtype = 'float32' }, i) => tf.tensor(data[i]!, [...shape], dtype))

const recorded = (each: KernelCase): Program =>
  record({
    inputs: Object.fromEntries(each.inputs.map((input, i) => [`x${i}`, specOf(input)])),
    run: (inputs) => ({
      outputs: results(
        each,
        each.inputs.map((_, i) => inputs[`x${i}`]!),
      ),
    }),
  })

const weight = (output: number, entry: number) => Math.cos(1 + output + 0.7 * entry)
const weightedSum = (values: ArrayLike<number>, output: number) =>
  Array.from(values).reduce((sum, value, entry) => sum + value * weight(output, entry), 0)

/** Outputs, and gradients of their sum weighted by fixed numbers, so that no two entries count alike. */
function results({ run, gradients = [] }: KernelCase, inputs: readonly tf.Tensor[]): Record<string, tf.Tensor> {
  const outputs = [run(...inputs)].flat()
  const all: Record<string, tf.Tensor> = Object.fromEntries(
    outputs.map((output, i) => [`output${i}`, tf.cast(output, 'float32')]),
  )
  if (gradients.length === 0) return all
  const weighted = (...chosen: tf.Tensor[]) => {
    const whole = inputs.map((input, i) => chosen[gradients.indexOf(i)] ?? input)
    const parts = [run(...whole)].flat().map((output, i) => {
      const weights = Float32Array.from({ length: output.size }, (_, j) => weight(i, j))
      return tf.sum(tf.mul(output, tf.tensor(weights, output.shape)))
    })
    return tf.addN(parts) as tf.Scalar
  }
  const slopes = tf.grads(weighted)(gradients.map((i) => inputs[i]!))
  slopes.forEach((slope, i) => {
    all[`gradient${gradients[i]}`] = slope
  })
  return all
}

function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(found.length, expected.length)
  let [difference, norm] = [0, 0]
  for (let i = 0; i < expected.length; i++) {
    if (Number.isNaN(expected[i]!) && Number.isNaN(found[i]!)) continue
    difference += (found[i]! - expected[i]!) ** 2
    norm += expected[i]! ** 2
  }
  return Math.sqrt(difference) / Math.max(Math.sqrt(norm), 1e-30)
}

const byKernel = new Map<string, KernelCase[]>()
for (const each of kernelCases) byKernel.set(each.kernel, [...(byKernel.get(each.kernel) ?? []), each])

for (const [kernel, cases] of byKernel) {
  test(`${kernel} and its gradient agree with the plain TensorFlow.js backend`, async () => {
    const seen = new Set<string>()
    for (const [index, each] of cases.entries()) {
      const { uniform } = createRandom(index + 1)
      const data = each.inputs.map((input) => draw(input, uniform))
      const expected = tf.tidy(() =>
        Object.entries(
          results(
            each,
            each.inputs.map((input, i) => tf.tensor(data[i]!, [...input.shape], input.dtype ?? 'float32')),
          ),
        ).map(([name, tensor]) => [name, tensor.dataSync(), tensor.shape] as const),
      )

      const program = record({
        inputs: Object.fromEntries(each.inputs.map((input, i) => [`x${i}`, specOf(input)])),
        run: (inputs) => ({
          outputs: results(
            each,
            each.inputs.map((_, i) => inputs[`x${i}`]!),
          ),
        }),
      })
      for (const node of program.nodes) seen.add(node.kernel)
      const session = await cpu.open(program, { threads: 1 })
      const found = await session.run(Object.fromEntries(data.map((values, i) => [`x${i}`, values])))

      for (const [name, values, shape] of expected) {
        const where = `${kernel}, case ${index}, inputs ${each.inputs.map((input) => `[${input.shape}]`).join(' ')}, ${name}`
        const output = program.outputs.find((named) => named.name === name)!
        assert.deepEqual(program.values[output.value]!.shape, shape, where)
        const error = relativeError(found[name]!, values)
        assert.ok(error <= 1e-5, `${where}: relative error ${error}`)
      }
      await session.close()
    }
    assert.ok(seen.has(kernel), `the cases of ${kernel} never recorded it, only ${[...seen].join(', ')}`)
  })
}

test('every kernel of the recorder has a case and a lowering', () => {
  const names = Object.keys(kernels)
  assert.deepEqual(
    names.filter((name) => !byKernel.has(name)),
    [],
    'kernels without a case in kernel-cases.ts',
  )
  assert.deepEqual(
    names.filter((name) => !(name in lowerings)),
    [],
    'kernels without a lowering',
  )
})

test('gradients are the slopes of what the kernels compute', () => {
  const step = 4e-3
  for (const [index, each] of kernelCases.entries()) {
    if (each.gradients === undefined) continue
    const { uniform } = createRandom(index + 1)
    const data = each.inputs.map((input) => draw(input, uniform))
    const along = each.gradients.map((i) => Float32Array.from(data[i]!, () => uniform() * 2 - 1))
    const at = (distance: number) => {
      const moved = data.map((values, i) => {
        const direction = along[each.gradients!.indexOf(i)]
        return direction === undefined ? values : (values as Float32Array).map((x, j) => x + distance * direction[j]!)
      })
      return tf.tidy(() => {
        const all = results(each, tensorsOf(each, moved))
        const value = Object.entries(all).flatMap(([name, tensor]) =>
          name.startsWith('output') ? [weightedSum(tensor.dataSync(), Number(name.slice(6)))] : [],
        )
        const slopes = each.gradients!.map((i) => [...all[`gradient${i}`]!.dataSync()])
        return { value: value.reduce((sum, part) => sum + part, 0), slopes }
      })
    }
    const { slopes } = at(0)
    const parts = slopes.flatMap((slope, i) => slope.map((each, j) => each * along[i]![j]!))
    const expected = parts.reduce((sum, part) => sum + part, 0)
    const scale = parts.reduce((sum, part) => sum + Math.abs(part), 0)
    const found = (at(step).value - at(-step).value) / (2 * step)
    const shapes = each.inputs.map(({ shape }) => `[${shape}]`).join(' ')
    assert.ok(
      Math.abs(found - expected) <= 5e-3 * scale + 1e-4,
      `${each.kernel} of ${shapes}: slope ${found}, gradient ${expected}`,
    )
  }
})

test('an attribute that a lowering does not read fails the lowering', () => {
  for (const [kernel, [first]] of byKernel) {
    const program = recorded(first!)
    const nodes = program.nodes.map((node) =>
      node.kernel === kernel ? { ...node, attributes: { ...node.attributes, neverRead: 1 } } : node,
    )
    // Some are gone by the time of lowering, as nodes that change nothing are.
    if (!program.nodes.some((node) => node.kernel === kernel)) continue
    assert.throws(
      () => toOnnx({ ...program, nodes }),
      { code: 'ENGINE_ATTRIBUTE_UNREAD', message: /neverRead/ },
      kernel,
    )
  }
})
