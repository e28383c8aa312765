import assert from 'node:assert/strict'
import { test } from 'node:test'
import type * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import {
  constant,
  layoutParameters,
  type ParameterSpec,
  uniformWithin,
  zeros,
} from '../../../models/engine/parameters.ts'
import { createRandom } from '../../../models/engine/random.ts'
import { runStep } from './run-step.ts'

const spec = (name: string, shape: readonly number[], group = 'dense', bound = 1): ParameterSpec => ({
  name,
  shape,
  group,
  initialize: uniformWithin(bound),
})
const sizeOf = (shape: readonly number[]) => shape.reduce((size, extent) => size * extent, 1)

const specs = fc
  .uniqueArray(
    fc.record({
      name: fc.constantFrom(...'abcdefghij'),
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
      group: fc.constantFrom('dense', 'wide', 'other'),
    }),
    { selector: ({ name }) => name, minLength: 1, maxLength: 8 },
  )
  .map((all) => all.map(({ name, shape, group }) => spec(name, shape, group)))

test('parameters lie one after the other, those of a group side by side in their order', () => {
  const { size, parameters, groups } = layoutParameters([
    spec('a', [2, 3]),
    spec('b', [4], 'wide'),
    spec('c', []),
    spec('d', [1, 2], 'wide'),
  ])

  assert.equal(size, 13)
  assert.deepEqual(parameters, [
    { name: 'a', shape: [2, 3], offset: 0, size: 6 },
    { name: 'c', shape: [], offset: 6, size: 1 },
    { name: 'b', shape: [4], offset: 7, size: 4 },
    { name: 'd', shape: [1, 2], offset: 11, size: 2 },
  ])
  assert.deepEqual(groups, { dense: { offset: 0, size: 7 }, wide: { offset: 7, size: 6 } })
})

test('a layout leaves no gap and no overlap, and its groups are made of their parameters', () => {
  fc.assert(
    fc.property(specs, (all) => {
      const layout = layoutParameters(all)

      let end = 0
      for (const { name, shape, offset, size } of layout.parameters) {
        assert.deepEqual(shape, all.find((each) => each.name === name)!.shape)
        assert.deepEqual([offset, size], [end, sizeOf(shape)])
        end += size
      }
      assert.equal(layout.size, end)
      assert.equal(layout.parameters.length, all.length)
      for (const { name, offset, size } of layout.parameters) {
        const group = layout.groups[all.find((each) => each.name === name)!.group]!
        assert.ok(
          offset >= group.offset && offset + size <= group.offset + group.size,
          `${name} lies outside its group`,
        )
      }
      assert.equal(
        Object.values(layout.groups).reduce((sum, { size }) => sum + size, 0),
        layout.size,
      )
    }),
  )
})

test('slices of the flat vector are its parameters in their shapes', async () => {
  await fc.assert(
    fc.asyncProperty(specs, async (all) => {
      const layout = layoutParameters(all)
      fc.pre(layout.size > 0)
      const flat = Float32Array.from({ length: layout.size }, (_, i) => i)
      const shapes: Record<string, readonly number[]> = {}
      const outputs = await runStep(
        {
          inputs: { flat: { shape: [layout.size], dtype: 'float32' } },
          run: (inputs) => {
            const slices = layout.slices(inputs.flat as tf.Tensor1D)
            for (const [name, slice] of Object.entries(slices)) shapes[name] = slice.shape
            return { outputs: Object.fromEntries(Object.entries(slices).map(([name, x]) => [`slice.${name}`, x])) }
          },
        },
        { flat },
      )

      for (const { name, shape, offset, size } of layout.parameters) {
        assert.deepEqual(shapes[name], shape)
        assert.deepEqual(outputs[`slice.${name}`], flat.slice(offset, offset + size))
      }
    }),
    { numRuns: 20 },
  )
})

test('initialisers fill their own parameter only', () => {
  const flat = layoutParameters([
    { ...spec('a', [2]), initialize: constant(3) },
    { ...spec('b', [3]), initialize: zeros },
    spec('c', [1000], 'dense', 0.25),
    { ...spec('d', [2]), initialize: constant(-1) },
  ]).initialize(createRandom(1))

  assert.deepEqual([...flat.subarray(0, 5)], [3, 3, 0, 0, 0])
  assert.deepEqual([...flat.subarray(1005)], [-1, -1])
  const drawn = flat.subarray(5, 1005)
  assert.ok(drawn.every((value) => value >= -0.25 && value < 0.25))
  assert.ok(Math.max(...drawn) > 0.24 && Math.min(...drawn) < -0.24)
  assert.ok(Math.abs(drawn.reduce((sum, value) => sum + value, 0) / 1000) < 0.025)
})

test('the same seed gives the same weights, another seed others', () => {
  const layout = layoutParameters([spec('a', [5]), spec('b', [5], 'wide')])

  assert.deepEqual(layout.initialize(createRandom(7)), layout.initialize(createRandom(7)))
  assert.notDeepEqual(layout.initialize(createRandom(7)), layout.initialize(createRandom(8)))
})

test('a parameter starts the same whatever other parameters there are, and in which order', () => {
  fc.assert(
    fc.property(specs, fc.nat(), fc.nat(), (all, seed, cut) => {
      const valuesOf = (list: readonly ParameterSpec[]) => {
        const { parameters, initialize } = layoutParameters(list)
        const flat = initialize(createRandom(seed))
        return new Map(parameters.map(({ name, offset, size }) => [name, [...flat.subarray(offset, offset + size)]]))
      }
      const whole = valuesOf(all)

      for (const [name, values] of valuesOf(all.toReversed())) assert.deepEqual(values, whole.get(name))
      for (const [name, values] of valuesOf(all.slice(cut % all.length))) assert.deepEqual(values, whole.get(name))
    }),
  )
})

test('parameters with different names start differently', () => {
  const { initialize } = layoutParameters([spec('a', [4]), spec('b', [4])])
  const flat = initialize(createRandom(1))

  assert.notDeepEqual(flat.subarray(0, 4), flat.subarray(4))
})
