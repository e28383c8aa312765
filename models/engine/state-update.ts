import { sizeOf } from './kernels/kernel.ts'
import type { NamedValue, Program, ProgramNode, TypedArray, ValueId } from './program.ts'
import { compileVectorLoop, type VectorLoop, vectorOperators } from './vector-loop.ts'

/** A program whose last part, what becomes of its longest state vectors, is done outside the graph. */
export interface SplitProgram {
  /**
   * The rest. It has what the update reads among its outputs, and takes the vectors that it reads itself as inputs, by
   * `vectorInput`.
   */
  readonly graph: Program
  /** State that the update keeps, by name. */
  readonly vectors: readonly string[]
  /** Of these, what the graph reads. */
  readonly read: readonly string[]
  /** Memory of its own for the vectors, which begin as `initial`. */
  open(initial: readonly TypedArray[]): OpenUpdate
}

export interface OpenUpdate {
  /** As they are now, in the order of `SplitProgram.vectors`; each update writes over them. */
  readonly vectors: readonly Float32Array[]
  /** `results` are the graph's outputs by name. */
  update(results: Readonly<Record<string, TypedArray>>): void
}

export const vectorInput = (name: string): string => `vector.${name}`
const updateInput = (value: ValueId): string => `update.${value}`

/**
 * Takes out of a step what its optimizer does: nodes that work element by element on the longest state vectors, and of whose
 * results nothing but other such nodes and the next state is made. In one loop they read and write each vector once, where a
 * graph runs over all of them for each node; and what ONNX Runtime's binding copies out is a gradient instead of all state.
 * Null where there is no such state.
 */
export function splitUpdate(program: Program): SplitProgram | null {
  const size = Math.max(0, ...program.state.map(({ from }) => vectorSize(program, from)))
  if (size === 0) return null
  const nodes = updateNodes(program, size)
  const made = new Set(nodes.map((node) => node.outputs[0]!))
  const kept = program.state.filter(({ to }) => made.has(to))
  if (kept.length === 0) return null
  const states = new Set(kept.map(({ from }) => from))
  const inputs = [...new Set(nodes.flatMap((node) => node.inputs))].filter((value) => !made.has(value))
  const given = inputs.filter((value) => !states.has(value) && !program.constants.has(value))
  const constants = inputs.filter((value) => program.constants.has(value))
  const rest = program.nodes.filter((node) => !made.has(node.outputs[0]!))
  // A graph of nothing cannot be opened.
  if (rest.length === 0) return null
  const used = new Set([
    ...rest.flatMap((node) => node.inputs),
    ...program.outputs.map(({ value }) => value),
    ...program.state.map(({ to }) => to),
    ...given,
  ])
  const read = kept.filter(({ from }) => used.has(from))
  const graph: Program = {
    ...program,
    nodes: rest,
    constants: new Map([...program.constants].filter(([value]) => used.has(value))),
    inputs: [
      ...program.inputs,
      ...read.map(({ name, from }): NamedValue => ({ name: vectorInput(name), value: from })),
    ],
    outputs: [...program.outputs, ...given.map((value): NamedValue => ({ name: updateInput(value), value }))],
    state: program.state.filter(({ to }) => !made.has(to)),
  }
  const isVector = (value: ValueId) => vectorSize(program, value) === size
  if ((states.size + [...given, ...constants].filter(isVector).length) * size * 4 > mostBytes) return null
  const loop: VectorLoop = {
    size,
    vectors: [...states, ...[...given, ...constants].filter(isVector)],
    numbers: [...given, ...constants].filter((value) => !isVector(value)),
    nodes: nodes.map(({ kernel, inputs: read, outputs }) => ({ operator: kernel, inputs: read, output: outputs[0]! })),
    stores: kept.map(({ from, to }) => ({ vector: from, value: to })),
  }
  return {
    graph,
    vectors: kept.map(({ name }) => name),
    read: read.map(({ name }) => name),
    open(initial) {
      const { run, memoryOf } = compileVectorLoop(loop)
      kept.forEach(({ from }, i) => void memoryOf(from).set(initial[i]!))
      for (const value of constants) memoryOf(value).set(program.constants.get(value)!)
      const from = given.map((value) => ({ name: updateInput(value), memory: memoryOf(value) }))
      return {
        vectors: kept.map((state) => memoryOf(state.from)),
        update(results) {
          for (const { name, memory } of from) memory.set(results[name]!)
          run()
        },
      }
    },
  }
}

/** A little less than WebAssembly can address. */
const mostBytes = 2 ** 32 - 2 ** 20

/** Elements of a float32 vector; 0 for any other value. */
function vectorSize({ values }: Program, value: ValueId): number {
  const { shape, dtype } = values[value]!
  return dtype === 'float32' && shape.length === 1 ? shape[0]! : 0
}

/** In order. */
function updateNodes(program: Program, size: number): readonly ProgramNode[] {
  const isNumber = (value: ValueId) => {
    const { shape, dtype } = program.values[value]!
    return dtype === 'float32' && sizeOf(shape) === 1
  }
  // Whatever is used by anything else stays in the graph, and what it is made of with it.
  const wanted = new Set(program.outputs.map(({ value }) => value))
  const found: ProgramNode[] = []
  for (const node of program.nodes.toReversed()) {
    const [output] = node.outputs as [ValueId]
    const isUpdate =
      Object.hasOwn(vectorOperators, node.kernel) &&
      vectorSize(program, output) === size &&
      !wanted.has(output) &&
      node.inputs.every((value) => vectorSize(program, value) === size || isNumber(value))
    if (isUpdate) found.push(node)
    else for (const value of node.inputs) wanted.add(value)
  }
  return found.reverse()
}
