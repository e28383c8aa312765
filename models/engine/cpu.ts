import { cpus } from 'node:os'
import * as ort from 'onnxruntime-node'
import { Fault } from '../spec/fault.ts'
import { type Device, requirePrecision, type Session, type SessionOptions } from './device.ts'
import { checkFeeds } from './feeds.ts'
import { sizeOf } from './kernels/kernel.ts'
import { free } from './onnx/free.ts'
import { stateInput, stateOutput, toOnnx } from './onnx/lower.ts'
import { quantizeMatmuls, toQuantizedOnnx } from './onnx/quantize.ts'
import { sessionOptions, toTensor } from './onnx/session.ts'
import { optimize } from './optimize.ts'
import type { Program, TypedArray } from './program.ts'
import { initialState } from './state.ts'
import { type SplitProgram, splitUpdate, vectorInput } from './state-update.ts'

/** ONNX Runtime on the processor: the default device, there on every machine. */
export const cpu: Device = {
  name: 'cpu',
  about: { runtime: `ONNX Runtime ${ort.env.versions.node}`, hardware: cpus()[0]?.model ?? 'unknown', notes: [] },
  precisions: ['float32'],
  async open(program, options) {
    requirePrecision(cpu, options.precision ?? 'float32')
    const optimized = optimize(program)
    const split = splitUpdate(optimized) ?? whole(optimized)
    const native = await ort.InferenceSession.create(toOnnx(split.graph), sessionOptions(options.threads))
    return stepSession(native, optimized, split, options)
  },
}

/**
 * Opens a program as `cpu` does, its large matmuls with constant weights in 8 bits; a version has graph files for it. Fault
 * `ENGINE_NOTHING_QUANTIZED` where it has none.
 */
export async function openQuantized(program: Program, options: SessionOptions): Promise<Session> {
  const optimized = optimize(program)
  const matmuls = quantizeMatmuls(optimized)
  if (matmuls.size === 0) {
    throw new Fault(
      'ENGINE_NOTHING_QUANTIZED',
      'No multiplication of this program is large, with weights that are known before it runs: open it in float32.',
    )
  }
  const graph = toQuantizedOnnx(optimized, matmuls)
  const native = await ort.InferenceSession.create(graph, sessionOptions(options.threads))
  return stepSession(native, optimized, whole(optimized), options)
}

/** All of it in the graph. */
const whole = (graph: Program): SplitProgram => ({
  ...{ graph, vectors: [], read: [] },
  open: () => ({ vectors: [], update: () => {} }),
})

function stepSession(
  native: ort.InferenceSession,
  program: Program,
  { graph, vectors: names, read, open }: SplitProgram,
  { state }: SessionOptions,
): Session {
  const specOf = (value: number) => program.values[value]!
  const inputs = program.inputs.filter(({ value }) => sizeOf(specOf(value).shape) > 0)
  const given = new Map(initialState(program, state).map((data, i) => [program.state[i]!.name, data]))
  const specs = new Map(program.state.map(({ name, from }) => [name, specOf(from)]))
  const { vectors, update } = open(names.map((name) => given.get(name)!))
  const fedVectors = Object.fromEntries(
    read.map((name) => [vectorInput(name), toTensor(specs.get(name)!, vectors[names.indexOf(name)]!)]),
  )
  let current = graph.state.map(({ name }) => toTensor(specs.get(name)!, given.get(name)!))
  let outputs: Record<string, TypedArray> = {}
  let isClosed = false
  return {
    async run(feeds) {
      checkFeeds(program, feeds)
      const fed: Record<string, ort.Tensor> = { ...fedVectors }
      for (const { name, value } of inputs) fed[name] = toTensor(specOf(value), feeds[name]!)
      graph.state.forEach(({ name }, i) => {
        fed[stateInput(name)] = current[i]!
      })
      const results = await native.run(fed)
      // Only now: outputs may have been fed, and a run that fails leaves all as it was.
      for (const output of Object.values(outputs)) free(output)
      for (const { data } of current) free(data as TypedArray)
      current = graph.state.map(({ name }) => results[stateOutput(name)]!)
      outputs = Object.fromEntries(graph.outputs.map(({ name }) => [name, results[name]!.data as TypedArray]))
      update(outputs)
      return Object.fromEntries(program.outputs.map(({ name }) => [name, outputs[name]!]))
    },
    async readState() {
      const now = new Map(graph.state.map(({ name }, i) => [name, current[i]!.data as TypedArray]))
      names.forEach((name, i) => void now.set(name, vectors[i]!))
      return Object.fromEntries(program.state.map(({ name }) => [name, now.get(name)!.slice()]))
    },
    async close() {
      if (isClosed) return
      isClosed = true
      for (const { data } of current) free(data as TypedArray)
      await native.release()
    },
  }
}

/** Opens an exported graph file; tensors in files beside it are mapped into memory. It has no state. */
export async function openOnnxFile(path: string, { threads }: { readonly threads: number }): Promise<Session> {
  const native = await ort.InferenceSession.create(path, sessionOptions(threads))
  const shapes = new Map(native.inputMetadata.map((input) => [input.name, input]))
  return {
    async run(feeds) {
      const fed: Record<string, ort.Tensor> = {}
      for (const name of native.inputNames) {
        const metadata = shapes.get(name)!
        if (!metadata.isTensor) continue
        fed[name] = new ort.Tensor(metadata.type as 'float32', feeds[name] as Float32Array, metadata.shape as number[])
      }
      const results = await native.run(fed)
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, tensor.data as TypedArray]))
    },
    readState: async () => ({}),
    close: () => native.release(),
  }
}
