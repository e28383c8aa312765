import { broadcast } from './kernels/kernel.ts'
import type { Program, ProgramNode, ValueId } from './program.ts'

/** Kernels that repeat inputs along axes of extent 1 by themselves. */
const broadcasting = new Set(['Add', 'Sub', 'Multiply', 'RealDiv', 'Maximum', 'Minimum', 'SquaredDifference', 'Pow'])

/**
 * The same program with equal nodes computed once, without nodes that nothing reads, and without repeating what is
 * broadcast anyway. Gradients of TensorFlow.js recompute, repeat and discard a good deal.
 */
export function optimize(program: Program): Program {
  const replaced = new Map<ValueId, ValueId>()
  const resolve = (value: ValueId) => replaced.get(value) ?? value
  const seen = new Map<string, ProgramNode>()
  const distinct: ProgramNode[] = []
  const unrepeated = new Map<ValueId, ValueId>()
  for (const node of program.nodes) {
    const inputs = withoutRepeats(node, node.inputs.map(resolve), unrepeated, program)
    if (repeatsAxes(node, program)) unrepeated.set(node.outputs[0]!, inputs[0]!)
    const shapes = node.outputs.map((output) => program.values[output])
    const key = JSON.stringify([node.kernel, inputs, node.attributes, shapes], spelled)
    const same = seen.get(key)
    const passed = passesThrough(node, program) ? inputs[0] : undefined
    if (passed !== undefined) replaced.set(node.outputs[0]!, passed)
    else if (same !== undefined) node.outputs.forEach((output, i) => void replaced.set(output, same.outputs[i]!))
    else {
      const kept = { ...node, inputs }
      seen.set(key, kept)
      distinct.push(kept)
    }
  }
  const outputs = program.outputs.map(({ name, value }) => ({ name, value: resolve(value) }))
  const state = program.state.map(({ name, from, to }) => ({ name, from, to: resolve(to) }))
  const needed = new Set<ValueId>([...outputs.map(({ value }) => value), ...state.map(({ to }) => to)])
  const nodes = distinct
    .reverse()
    .filter((node) => {
      const used = node.outputs.some((output) => needed.has(output))
      if (used) for (const input of node.inputs) needed.add(input)
      return used
    })
    .reverse()
  const constants = new Map([...program.constants].filter(([value]) => needed.has(value)))
  return { ...program, nodes, constants, outputs, state }
}

/** JSON has no word for some numbers, and one for both zeros. */
const spelled = (_: string, value: unknown): unknown =>
  typeof value === 'number' ? (Object.is(value, -0) ? '-0' : String(value)) : value

/** Whether the node only renames its input. */
function passesThrough({ kernel, inputs, outputs }: ProgramNode, { values }: Program): boolean {
  if (!['Identity', 'Reshape', 'ExpandDims', 'Cast', 'Tile', 'Slice'].includes(kernel)) return false
  const [from, to] = [values[inputs[0]!]!, values[outputs[0]!]!]
  return (
    from.dtype === to.dtype &&
    from.shape.length === to.shape.length &&
    from.shape.every((extent, i) => extent === to.shape[i])
  )
}

/** Whether the node only repeats its input along axes of extent 1. */
const repeatsAxes = ({ kernel, inputs, attributes }: ProgramNode, { values }: Program): boolean =>
  kernel === 'Tile' &&
  (attributes.reps as readonly number[]).every((times, axis) => times === 1 || values[inputs[0]!]!.shape[axis] === 1)

/** Inputs of a broadcasting node as they were before they were repeated, as long as its output keeps its shape. */
function withoutRepeats(
  { kernel, outputs }: ProgramNode,
  inputs: readonly ValueId[],
  unrepeated: ReadonlyMap<ValueId, ValueId>,
  { values }: Program,
): readonly ValueId[] {
  if (!broadcasting.has(kernel)) return inputs
  const shape = values[outputs[0]!]!.shape.join()
  const broadcastShape = ([a, b]: readonly ValueId[]) => broadcast(values[a!]!.shape, values[b!]!.shape).join()
  return inputs.reduce<readonly ValueId[]>((kept, input, i) => {
    const shorter = kept.with(i, unrepeated.get(input) ?? input)
    return broadcastShape(shorter) === shape ? shorter : kept
  }, inputs)
}
