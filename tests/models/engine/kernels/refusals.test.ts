import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import { kernels } from '../../../../models/engine/kernels/table.ts'
import type { DType, TensorSpec } from '../../../../models/engine/program.ts'
import { record } from '../../../../models/engine/record.ts'
import { Fault } from '../../../../models/spec/fault.ts'

const spec = (dtype: DType, ...shape: number[]): TensorSpec => ({ shape, dtype })

const inputs = {
  scalar: spec('float32'),
  four: spec('float32', 4),
  row: spec('float32', 3),
  matrix: spec('float32', 2, 3),
  wide: spec('float32', 2, 4),
  cube: spec('float32', 2, 3, 4),
  empty: spec('float32', 0, 2),
  whole: spec('int32', 2, 3),
  ids: spec('int32', 5),
  flags: spec('bool', 2, 3),
}
type Given = Readonly<Record<keyof typeof inputs, tf.Tensor>>
type Run = (given: Given) => tf.Tensor | tf.Tensor[]

const fault = (run: Run): Fault => {
  try {
    record({ inputs, run: (given) => ({ outputs: { out: [run(given as Given)].flat()[0]! } }) })
  } catch (cause) {
    assert.ok(cause instanceof Fault, `${cause} is no fault`)
    return cause
  }
  assert.fail('it was recorded')
}

/** What is asked for, and what the message says of it. */
const shapes: readonly (readonly [kernel: string, says: RegExp, run: Run])[] = [
  ['Add', /\[2,3\] and \[2,4\] do not broadcast/, ({ matrix, wide }) => tf.add(matrix, wide)],
  ['AddN', /adds shapes \[2,3\] and \[3\]/, ({ matrix, row }) => tf.engine().runKernel('AddN', [matrix, row] as never)],
  ['BatchMatMul', /\[2,3\] and \[2,4\] do not multiply: 3 is not 2/, ({ matrix, wide }) => tf.matMul(matrix, wide)],
  ['BatchMatMul', /\[4\] is no matrix/, ({ matrix, four }) => tf.matMul(matrix, four, true)],
  ['Concat', /\[2,3\] and \[2,4\] differ in more than axis 0/, ({ matrix, wide }) => tf.concat([matrix, wide], 0)],
  ['Concat', /\[2,3\] and \[2,3,4\] differ/, ({ matrix, cube }) => tf.concat([matrix, cube], 0)],
  ['Concat', /no axis 2 among 2 axes/, ({ matrix, wide }) => tf.concat([matrix, wide], 2)],
  ['Concat', /no axis 0 among 0 axes/, ({ scalar }) => tf.concat([scalar, scalar], 0)],
  ['Cumsum', /no axis -3 among 2 axes/, ({ matrix }) => tf.cumsum(matrix, -3)],
  ['GatherV2', /no axis 2 among 2 axes/, ({ matrix, ids }) => tf.gather(matrix, ids as tf.Tensor1D, 2)],
  ['Max', /no axis 2 among 2 axes/, ({ matrix }) => tf.max(matrix, 2)],
  [
    'PadV2',
    /pads by \[-1,0\], \[0,0\]/,
    ({ matrix }) =>
      tf.pad(matrix, [
        [-1, 0],
        [0, 0],
      ]),
  ],
  ['Pack', /stacks shapes \[2,3\] and \[2,4\]/, ({ matrix, wide }) => tf.stack([matrix, wide])],
  ['Reshape', /\[0,2\] has not as many entries as \[3\]/, ({ empty }) => tf.reshape(empty, [3])],
  ['Slice', /\[1,1\] to \[3,2\] is not inside \[2,3\]/, ({ matrix }) => tf.slice(matrix, [1, 1], [2, 1])],
  ['SplitV', /axis 1 of \[2,3\] does not split into 1,1/, ({ matrix }) => tf.split(matrix, [1, 1], 1)],
  ['SplitV', /axis 1 of \[2,3\] does not split into 1.5,1.5/, ({ matrix }) => tf.split(matrix, 2, 1)],
  ['Sum', /no axis -1 among 0 axes/, ({ scalar }) => tf.sum(scalar, -1)],
  ['Sum', /the axes 0,-2 name one of 2 axes twice/i, ({ matrix }) => tf.sum(matrix, [0, -2])],
  ['Tile', /would have shape \[2,-3\]/, ({ matrix }) => tf.tile(matrix, [1, -1])],
  [
    'UnsortedSegmentSum',
    /5 segment ids for x \[2,3\]/,
    ({ matrix, ids }) => tf.unsortedSegmentSum(matrix, ids as tf.Tensor1D, 2),
  ],
  [
    'UnsortedSegmentSum',
    /ids have shape \[2,3\]/,
    ({ matrix, whole }) => tf.unsortedSegmentSum(matrix, whole as never, 2),
  ],
]

const types: readonly (readonly [kernel: string, says: RegExp, run: Run])[] = [
  ['Abs', /takes float32 or int32, not bool; cast it first/, ({ flags }) => tf.abs(flags)],
  ['Add', /takes float32 or int32, not bool/, ({ flags }) => tf.add(flags, flags)],
  ['BatchMatMul', /takes float32, not int32/, ({ whole }) => tf.matMul(whole, whole, false, true)],
  ['Concat', /inputs are float32 and int32; cast them to one type/, ({ matrix, whole }) => tf.concat([matrix, whole])],
  ['Cumsum', /takes float32 or int32, not bool/, ({ flags }) => tf.cumsum(flags)],
  ['Exp', /takes float32, not int32; cast it first/, ({ whole }) => tf.exp(whole)],
  ['IsNan', /takes float32, not bool/, ({ flags }) => tf.isNaN(flags)],
  ['Max', /takes float32 or int32, not bool/, ({ flags }) => tf.max(flags)],
  ['Pack', /inputs are int32 and float32/, ({ matrix, whole }) => tf.stack([whole, matrix])],
  ['Pow', /takes float32, not int32/, ({ whole }) => tf.pow(whole, whole)],
  ['Range', /no bool from 0 in steps of 1/, () => tf.range(0, 2, 1, 'bool' as never)],
  ['Range', /no int32 from 0 in steps of 0.5/, () => tf.range(0, 2, 0.5, 'int32')],
  ['Round', /takes float32, not int32/, ({ whole }) => tf.round(whole)],
  ['Select', /inputs are int32 and float32/, ({ flags, whole }) => tf.where(flags, whole, 0)],
]

for (const [kind, code, list] of [
  ['shapes', 'ENGINE_SHAPE_MISMATCH', shapes],
  ['types', 'ENGINE_TYPE_UNSUPPORTED', types],
] as const) {
  test(`${kind} that a kernel cannot take are refused when recorded, with the model line`, () => {
    for (const [kernel, says, run] of list) {
      const found = fault(run)

      assert.equal(found.code, code, `${kernel}: ${found.message}`)
      assert.match(found.message, says)
      assert.ok(found.message.startsWith(`${kernel} at ${found.path}: `), found.message)
      assert.match(found.path!, /refusals\.test\.ts:\d+$/)
    }
  })
}

test('every type that a kernel does not take is refused', () => {
  for (const [name, { inputs: own, types: taken, infer }] of Object.entries(kernels)) {
    for (const dtype of (['float32', 'int32', 'bool'] as const).filter((each) => !(taken ?? [each]).includes(each))) {
      const given = Array.from({ length: own === 'list' ? 2 : own.length }, () => spec(dtype, 2, 2))
      assert.throws(() => infer(given, { dtype }), { code: 'ENGINE_TYPE_UNSUPPORTED' }, `${name} of ${dtype}`)
    }
  }
})

test('what a kernel has no recording for is refused with its name', () => {
  const found = fault(({ matrix, ids }) => tf.gather(tf.stack([matrix, matrix]), tf.stack([ids, ids]) as never, 1, 1))

  assert.equal(found.code, 'ENGINE_OP_UNSUPPORTED')
  assert.match(found.message, /GatherV2 at .*refusals\.test\.ts:\d+: .*batchDims/)
})
