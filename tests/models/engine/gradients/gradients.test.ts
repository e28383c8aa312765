import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { gradients, registerGradients } from '../../../../models/engine/gradients/register.ts'
import type { TypedArray } from '../../../../models/engine/program.ts'
import { drawInputs, type KernelCase } from '../kernel-cases/case.ts'
import { onPlainBackend, results, tensorsOf, weight } from '../kernel-cases/run.ts'
import { kernelCases } from '../kernel-cases.ts'

/** By this much each entry moves. */
const step = 4e-3

/** The outputs' sum as gradients are taken of it, with the chosen inputs moved along a fixed direction. */
function sumAt(each: KernelCase, data: readonly TypedArray[], distance: number): number {
  const moved = data.map((values, i) =>
    each.gradients!.includes(i) ? (values as Float32Array).map((x, j) => x + distance * direction(i, j)) : values,
  )
  return tf.tidy(() =>
    Object.values(results({ ...each, gradients: [] }, tensorsOf(each, moved)))
      .flatMap((tensor, output) => Array.from(tensor.dataSync(), (x, entry) => x * weight(output, entry)))
      .reduce((sum, part) => sum + part, 0),
  )
}

const direction = (input: number, entry: number) => Math.cos(input + 3 * entry)

/** Slope by finite differences, and by the gradients; `isNear` where the two agree. */
function slopes(each: KernelCase, data: readonly TypedArray[]) {
  const all = onPlainBackend(each, data)
  const parts = each.gradients!.flatMap((i) =>
    Array.from(all[`gradient${i}`]!.values, (slope, j) => slope * direction(i, j)),
  )
  const expected = parts.reduce((sum, part) => sum + part, 0)
  const scale = parts.reduce((sum, part) => sum + Math.abs(part), 0)
  const found = (sumAt(each, data, step) - sumAt(each, data, -step)) / (2 * step)
  return { found, expected, isNear: Math.abs(found - expected) <= 5e-3 * scale + 1e-4 }
}

test('gradients are the slopes of what the kernels compute', () => {
  for (const each of kernelCases) {
    if (each.gradients === undefined || each.isKink === true || each.expected !== undefined) continue
    // Of some draws an entry lies within a step of a kink.
    const draws: ReturnType<typeof slopes>[] = []
    while (draws.length < 5 && draws.filter(({ isNear }) => isNear).length < 2)
      draws.push(slopes(each, drawInputs(each, draws.length + 1)))
    assert.ok(
      draws.filter(({ isNear }) => isNear).length === 2,
      `${each.kernel} of ${each.inputs.map(({ shape }) => `[${shape}]`).join(' ')}, ${each.run}: ${JSON.stringify(draws)}`,
    )
  }
})

test('every gradient is taken by some case', () => {
  const taken = new Set<string>()
  registerGradients()
  for (const [kernelName, gradient] of Object.entries(gradients)) {
    tf.registerGradient({
      ...gradient,
      kernelName,
      gradFunc: (...given) => {
        taken.add(kernelName)
        return gradient.gradFunc(...given)
      },
    })
  }
  for (const each of kernelCases) {
    if (each.gradients === undefined || each.expected !== undefined) continue
    tf.tidy(() => void results(each, tensorsOf(each, drawInputs(each, 1))))
  }
  registerGradients()

  assert.deepEqual(
    Object.keys(gradients).filter((kernel) => !taken.has(kernel)),
    [],
  )
})
