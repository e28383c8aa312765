import * as ort from 'onnxruntime-node'
import { Fault } from '../spec/fault.ts'
import { type Device, requirePrecision, type Session } from './device.ts'
import { checkFeeds } from './feeds.ts'
import { sizeOf } from './kernels/kernel.ts'
import { stateInput, stateOutput } from './onnx/lower.ts'
import { toTensor } from './onnx/session.ts'
import { optimize } from './optimize.ts'
import type { Program, TypedArray } from './program.ts'
import { emptyLike, initialState } from './state.ts'
import { describeAdapter } from './webgpu/adapter.ts'
import { copying, copyOf, createNative, type Loaded, loadProgram } from './webgpu/load.ts'

const limits = [
  'Only one thread of a process may use it at a time: ONNX Runtime crashes the process otherwise.',
  'Numbers that are not finite may come out finite, as WGSL allows.',
  'UnsortedSegmentSum, the gradient of a gather, adds in no fixed order: its last bits may differ from run to run.',
]

/**
 * ONNX Runtime's WebGPU provider, over Vulkan, Metal or Direct3D 12. State stays on the device between runs. Threads are
 * the adapter's own affair. Fault `ENGINE_DEVICE_MISSING` where there is no adapter.
 */
export async function loadWebgpu(): Promise<Device> {
  if (!ort.listSupportedBackends().some(({ name }) => name === 'webgpu')) {
    throw new Fault(
      'ENGINE_DEVICE_MISSING',
      `The package onnxruntime-node has no WebGPU provider for ${process.platform} on ${process.arch}; choose another device.`,
    )
  }
  // The adapter is known only while a session holds it.
  const probe = await createNative(copying([{ name: 'x', value: 0 }], [{ shape: [1], dtype: 'float32' }])).catch(
    (cause) => {
      throw new Fault(
        'ENGINE_DEVICE_MISSING',
        'ONNX Runtime found no WebGPU adapter: on Linux it needs a driver and a loader for Vulkan (Debian: libvulkan1, and ' +
          "mesa-vulkan-drivers or the GPU maker's own); or choose another device.",
        { cause },
      )
    },
  )
  const { hardware, notes } = await describeAdapter()
  await probe.native.release()
  const device: Device = {
    name: 'webgpu',
    about: { runtime: `ONNX Runtime ${ort.env.versions.node}, WebGPU`, hardware, notes: [...notes, ...limits] },
    precisions: ['float32'],
    async open(program, options) {
      requirePrecision(device, options.precision ?? 'float32')
      const optimized = optimize(program)
      const state = initialState(optimized, options.state)
      return stepSession(optimized, await loadProgram(optimized), state)
    },
  }
  return device
}

function stepSession(program: Program, { native, nodes }: Loaded, initial: readonly TypedArray[]): Session {
  const specOf = (value: number) => program.values[value]!
  const inputs = program.inputs.filter(({ value }) => sizeOf(specOf(value).shape) > 0)
  const kept = program.state.map(({ name, from }) => ({ name, value: from }))
  let current = kept.map(({ value }, i) => toTensor(specOf(value), initial[i]!))
  let reader: ort.InferenceSession | undefined
  let isClosed = false
  const requireOpen = () => {
    if (isClosed) throw new Fault('ENGINE_SESSION_CLOSED', 'This session is closed; open the program again.')
  }
  return {
    placement: { webgpu: nodes },
    async run(feeds) {
      requireOpen()
      checkFeeds(program, feeds)
      const fed: Record<string, ort.Tensor> = {}
      for (const { name, value } of inputs) fed[name] = toTensor(specOf(value), feeds[name]!)
      kept.forEach(({ name }, i) => {
        fed[stateInput(name)] = current[i]!
      })
      const results = await native.run(fed)
      for (const tensor of current) tensor.dispose()
      current = kept.map(({ name }) => results[stateOutput(name)]!)
      return Object.fromEntries(program.outputs.map(({ name }) => [name, results[name]!.data as TypedArray]))
    },
    async readState() {
      requireOpen()
      const read: Record<string, TypedArray> = {}
      for (const { name, value } of kept) read[name] = emptyLike(specOf(value))
      const filled = kept.filter(({ value }) => sizeOf(specOf(value).shape) > 0)
      if (filled.length === 0) return read
      reader ??= (await createNative(copying(filled, program.values))).native
      const copies = await reader.run(
        Object.fromEntries(filled.map((each) => [each.name, current[kept.indexOf(each)]!])),
      )
      for (const { name } of filled) read[name] = copies[copyOf(name)]!.data as TypedArray
      return read
    },
    async close() {
      if (isClosed) return
      isClosed = true
      // Before the session that owns the buffers: the other way round ends the process.
      for (const tensor of current) tensor.dispose()
      await reader?.release()
      await native.release()
    },
  }
}
