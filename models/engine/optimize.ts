import type { Program, ProgramNode, ValueId } from './program.ts'

/**
 * The same program with equal nodes computed once and without nodes that nothing reads. Gradients of TensorFlow.js
 * recompute and discard a good deal.
 */
export function optimize(program: Program): Program {
  const replaced = new Map<ValueId, ValueId>()
  const resolve = (value: ValueId) => replaced.get(value) ?? value
  const seen = new Map<string, ProgramNode>()
  const distinct: ProgramNode[] = []
  for (const node of program.nodes) {
    const inputs = node.inputs.map(resolve)
    const shapes = node.outputs.map((output) => program.values[output])
    const key = JSON.stringify([node.kernel, inputs, node.attributes, shapes])
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
