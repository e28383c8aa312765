import * as ort from 'onnxruntime-node'
import { Fault } from '../../spec/fault.ts'
import { stateOutput, toGraph } from '../onnx/lower.ts'
import { encodeModel } from '../onnx/schema.ts'
import { sessionOptions } from '../onnx/session.ts'
import type { Program, ProgramNode } from '../program.ts'
import { webgpuLowerings } from './lowerings.ts'

export interface Loaded {
  readonly native: ort.InferenceSession
  readonly nodes: number
}

export async function createNative(program: Program): Promise<Loaded> {
  const graph = toGraph(program, {}, webgpuLowerings)
  const stays = program.state.map(({ name }) => [stateOutput(name), 'gpu-buffer'] as const)
  const native = await ort.InferenceSession.create(encodeModel(graph), {
    ...sessionOptions(1),
    // Errors are thrown; nothing is to be printed beside them.
    logSeverityLevel: 4,
    executionProviders: ['webgpu'],
    preferredOutputLocation: Object.fromEntries(stays),
    // No node may run on the processor: then the runtime refuses the graph.
    extra: { session: { disable_cpu_ep_fallback: '1' } },
  })
  return { native, nodes: graph.node.length }
}

export async function loadProgram(program: Program): Promise<Loaded> {
  try {
    return await createNative(program)
  } catch (cause) {
    if (!isRefusal(cause)) throw cause
    const refused = [...new Set((await refusedNodes(program)).map((node) => describe(node, program)))]
    throw new Fault(
      'ENGINE_NODE_NOT_ON_DEVICE',
      `ONNX Runtime's WebGPU provider does not run ${refused.join('; ') || 'all nodes together, though each alone'}. ` +
        'Write it in other operations, or choose another device.',
      { cause },
    )
  }
}

const isRefusal = (cause: unknown) => cause instanceof Error && cause.message.includes('assigned to the default CPU EP')

const describe = ({ kernel, inputs, line }: ProgramNode, { values }: Program) =>
  `${kernel} of ${inputs.map((input) => `${values[input]!.dtype} [${values[input]!.shape}]`).join(', ')}, used at ${line}`

/** The runtime does not say which nodes it refuses: those that it refuses alone. */
async function refusedNodes(program: Program): Promise<ProgramNode[]> {
  const keyOf = ({ kernel, attributes, inputs }: ProgramNode) =>
    JSON.stringify([kernel, attributes, inputs.map((input) => program.values[input])])
  const refused = new Set<string>()
  for (const [key, node] of new Map(program.nodes.map((node) => [keyOf(node), node]))) {
    try {
      await (await createNative(alone(node, program))).native.release()
    } catch (cause) {
      if (isRefusal(cause)) refused.add(key)
    }
  }
  return program.nodes.filter((node) => refused.has(keyOf(node)))
}

function alone(node: ProgramNode, { values, constants }: Program): Program {
  const named = (ids: readonly number[]) => [...new Set(ids)].map((value) => ({ name: `value ${value}`, value }))
  return {
    values,
    nodes: [node],
    constants: new Map([...constants].filter(([value]) => node.inputs.includes(value))),
    inputs: named(node.inputs.filter((input) => !constants.has(input))),
    outputs: named(node.outputs),
    state: [],
  }
}

/** Gives its inputs back: the one way to bring what is on the device down from it. */
export const copying = (inputs: Program['inputs'], values: Program['values']): Program => ({
  values,
  nodes: [],
  constants: new Map(),
  inputs,
  outputs: inputs.map(({ name, value }) => ({ name: copyOf(name), value })),
  state: [],
})
export const copyOf = (name: string) => `copy.${name}`
