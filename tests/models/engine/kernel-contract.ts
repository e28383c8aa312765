import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Device } from '../../../models/engine/device.ts'
import type { Program } from '../../../models/engine/program.ts'
import type { KernelCase, Result } from './kernel-cases/case.ts'
import { computeExpected, type Drawn, feedsOf, recordCases, resultsOf } from './kernel-cases/run.ts'
import { casesByKernel } from './kernel-cases.ts'

export interface ContractOptions {
  /** Leaves out cases with entries that are not finite: WGSL lets a compiler take it that there are none. */
  readonly finiteOnly?: boolean
}

/** The suite that a device passes: every kernel and every gradient, within a norm-wise relative error. */
export function testKernels(device: Device, tolerance: number, { finiteOnly = false }: ContractOptions = {}): void {
  for (const [kernel, cases] of casesByKernel) {
    test(`${kernel} and its gradient on ${device.name} agree with the plain TensorFlow.js backend`, async () => {
      const drawn = cases
        .map((each, index) => computeExpected(each, index + 1))
        .filter((each) => !finiteOnly || isAllFinite(each))

      const program = drawn.length === cases.length ? programOf(kernel) : recordCases(drawn.map(({ each }) => each))
      const complaints = await complaintsOf(device, program, drawn, tolerance)

      assert.equal(complaints.length, 0, `\n${complaints.join('\n')}`)
    })
  }
}

const recorded = new Map<string, Program>()

/** All cases of a kernel, recorded once. */
export function programOf(kernel: string): Program {
  const program = recorded.get(kernel) ?? recordCases(casesByKernel.get(kernel)!)
  recorded.set(kernel, program)
  return program
}

/** The suite that a lowering passes: it knows every kernel, and refuses an attribute that it does not read. */
export function testLowering(name: string, lower: (program: Program) => unknown): void {
  test(`every kernel of the recorder has a lowering to ${name}`, () => {
    for (const kernel of casesByKernel.keys()) lower(programOf(kernel))
  })

  test(`an attribute that a lowering to ${name} does not read fails the lowering`, () => {
    for (const kernel of casesByKernel.keys()) {
      const program = programOf(kernel)
      const nodes = program.nodes.map((node) =>
        node.kernel === kernel ? { ...node, attributes: { ...node.attributes, neverRead: 1 } } : node,
      )
      assert.throws(
        () => lower({ ...program, nodes }),
        { code: 'ENGINE_ATTRIBUTE_UNREAD', message: /neverRead/ },
        kernel,
      )
    }
  })
}

const isAllFinite = ({ data, expected }: Drawn) =>
  [...data, ...Object.values(expected).map(({ values }) => values)].every((values) =>
    Array.from(values).every(Number.isFinite),
  )

/** What is out, a line each. One session runs all cases; where it fails, each case has one of its own. */
async function complaintsOf(
  device: Device,
  program: Program,
  drawn: readonly Drawn[],
  tolerance: number,
): Promise<string[]> {
  try {
    const session = await device.open(program, { threads: 1 })
    try {
      const found = await session.run(feedsOf(drawn))
      return drawn.flatMap((each, index) => differences(each, resultsOf(index, program, found), tolerance))
    } finally {
      await session.close()
    }
  } catch (cause) {
    if (drawn.length === 1) return [`${describe(drawn[0]!.each)}: ${cause}`]
    const alone: string[] = []
    for (const each of drawn) alone.push(...(await complaintsOf(device, recordCases([each.each]), [each], tolerance)))
    return alone.length > 0 ? alone : [`each case runs alone, but not all together: ${cause}`]
  }
}

function differences({ each, expected }: Drawn, found: Readonly<Record<string, Result>>, tolerance: number): string[] {
  return Object.entries(expected).flatMap(([name, wanted]) => {
    const problem = difference(each.kernel, name, found[name]!, wanted, tolerance)
    return problem === undefined ? [] : [`${describe(each)}: ${name} ${problem}`]
  })
}

/** Kernels whose outputs are the same to the last bit on every device: they compare, choose, move or count. */
const exact = new Set(
  [
    ['Abs', 'Cast', 'Ceil', 'ClipByValue', 'Concat', 'Equal', 'ExpandDims', 'Fill', 'Floor', 'FloorDiv', 'GatherV2'],
    ['Greater', 'GreaterEqual', 'Identity', 'IsNan', 'Less', 'LessEqual', 'LogicalAnd', 'LogicalNot', 'LogicalOr'],
    ['Max', 'Maximum', 'Min', 'Minimum', 'Neg', 'NotEqual', 'OneHot', 'OnesLike', 'Pack', 'PadV2', 'Relu', 'Reshape'],
    ['Round', 'Select', 'Sign', 'Slice', 'SplitV', 'Step', 'StridedSlice', 'Tile', 'Transpose', 'Unpack', 'ZerosLike'],
  ].flat(),
)

/** Kernels of which every entry is within the tolerance of itself, not only all of them together. */
const entrywise = new Set(
  [
    [
      'Add',
      'Exp',
      'Expm1',
      'LeakyRelu',
      'Log1p',
      'Multiply',
      'Prod',
      'RealDiv',
      'Reciprocal',
      'Rsqrt',
      'Sqrt',
      'Square',
    ],
    ['SquaredDifference', 'Sub'],
  ].flat(),
)

function difference(
  kernel: string,
  name: string,
  { shape, dtype, values }: Result,
  wanted: Result,
  tolerance: number,
): string | undefined {
  if (shape.join() !== wanted.shape.join() || dtype !== wanted.dtype)
    return `is ${dtype} [${shape}], not ${wanted.dtype} [${wanted.shape}]`
  if (values.length !== wanted.values.length) return `has ${values.length} entries, not ${wanted.values.length}`
  const isOutput = name.startsWith('output')
  const bound = dtype !== 'float32' || (isOutput && exact.has(kernel)) ? 0 : tolerance
  const error =
    isOutput && entrywise.has(kernel) ? entryError(values, wanted.values) : relativeError(values, wanted.values)
  const start = (list: ArrayLike<number>) => `[${Array.from(list).slice(0, 20).join(' ')}]`
  return error <= bound ? undefined : `is out by ${error}: ${start(values)}, not ${start(wanted.values)}`
}

/** Of the whole: |found - expected| / |expected|. Entries that are not finite must be the same. */
function relativeError(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, norm] = [0, 0]
  for (let i = 0; i < expected.length; i++) {
    if (Object.is(found[i], expected[i]) && !Number.isFinite(expected[i])) continue
    difference += (found[i]! - expected[i]!) ** 2
    norm += expected[i]! ** 2
  }
  const error = Math.sqrt(difference) / Math.max(Math.sqrt(norm), 1e-30)
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error
}

/** The greatest relative error of an entry. */
const entryError = (found: ArrayLike<number>, expected: ArrayLike<number>): number =>
  Array.from(expected).reduce((most, each, i) => Math.max(most, relativeError([found[i]!], [each])), 0)

/** JSON has no word for infinities. */
const shown = (_: string, value: unknown): unknown => (typeof value === 'number' ? String(value) : value)

/** The case as a reader can find it: its inputs, and the kernel with its attributes as recorded. */
function describe(each: KernelCase): string {
  const inputs = each.inputs.map(({ shape, dtype = 'float32' }) => `${dtype} [${shape}]`)
  const nodes = recordCases([each]).nodes.filter(({ kernel }) => kernel === each.kernel)
  const attributes = [...new Set(nodes.map((node) => JSON.stringify(node.attributes, shown)))]
  return `${each.kernel} of ${inputs.join(', ')} with ${attributes.join(' and ')}`
}
