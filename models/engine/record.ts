import { createRequire } from 'node:module'
import * as tf from '@tensorflow/tfjs-core'
import { Fault } from '../spec/fault.ts'
import { type Kernel, sizeOf } from './kernels/kernel.ts'
import { kernels } from './kernels/table.ts'
import type { Program, ProgramNode, TensorSpec, TypedArray, ValueId } from './program.ts'

// The package offers gradients only as a module that Node resolves by its older rules.
createRequire(import.meta.url)('@tensorflow/tfjs-core/dist/register_all_gradients.js')

export type Tensors = Readonly<Record<string, tf.Tensor>>

/** One step written as plain TensorFlow.js ops. `run` is called once, at recording, with tensors that have no values. */
export interface Step {
  /** Fed at each run. */
  readonly inputs: Readonly<Record<string, TensorSpec>>
  /** Kept between runs; `run` returns its next value under the same name. */
  readonly state?: Readonly<Record<string, TensorSpec>>
  run(inputs: Tensors, state: Tensors): { readonly outputs: Tensors; readonly state?: Tensors }
}

const backendName = 'polyrank-recorder'

/** What is being recorded, or null between recordings. TensorFlow.js calls kernels synchronously and knows one backend. */
let recording: Recording | null = null

interface Recording {
  readonly values: TensorSpec[]
  readonly nodes: ProgramNode[]
  readonly constants: Map<ValueId, TypedArray>
}

interface Stored {
  readonly value: ValueId | null
  readonly data: TypedArray | null
}

class RecorderBackend extends tf.KernelBackend {
  private readonly stored = new Map<object, Stored>()

  value(tensor: tf.TensorInfo): ValueId {
    const entry = this.stored.get(tensor.dataId)
    if (entry === undefined || recording === null) {
      throw new Fault(
        'ENGINE_FOREIGN_TENSOR',
        'A step used a tensor made outside it; make constants inside `run`, or pass values as inputs.',
      )
    }
    if (entry.value !== null) return entry.value
    const value = recording.values.push({ shape: [...tensor.shape], dtype: tensor.dtype as TensorSpec['dtype'] }) - 1
    recording.constants.set(value, entry.data!)
    this.stored.set(tensor.dataId, { value, data: entry.data })
    return value
  }

  tensorInfo(value: ValueId): tf.TensorInfo {
    const { shape, dtype } = recording!.values[value]!
    const dataId = {}
    this.stored.set(dataId, { value, data: null })
    return { dataId, shape: [...shape], dtype }
  }

  /** Forgets the tensors of a recording, so that none outlives it. */
  forget(): void {
    this.stored.clear()
  }

  override write(values: tf.BackendValues, _shape: number[], dtype: tf.DataType): object {
    const dataId = {}
    const list = (values ?? []) as ArrayLike<number>
    const data =
      dtype === 'float32' ? Float32Array.from(list) : dtype === 'bool' ? Uint8Array.from(list) : Int32Array.from(list)
    this.stored.set(dataId, { value: null, data })
    return dataId
  }
  override readSync(dataId: object): tf.BackendValues {
    const data = this.stored.get(dataId)?.data
    if (data == null) {
      throw new Fault(
        'ENGINE_VALUE_UNKNOWN',
        'A step read the value of a tensor while being recorded; values are known only when it runs.',
      )
    }
    return data
  }
  override async read(dataId: object): Promise<tf.BackendValues> {
    return this.readSync(dataId)
  }
  override disposeData(): boolean {
    return true
  }
  override incRef(): void {}
  decRef(): void {}
  override refCount(): number {
    return 1
  }
  override numDataIds(): number {
    return this.stored.size
  }
  override floatPrecision(): 32 {
    return 32
  }
  override epsilon(): number {
    return 1e-7
  }
  override timerAvailable(): boolean {
    return false
  }
}

const backend = new RecorderBackend()
tf.registerBackend(backendName, () => backend, 0)

for (const [name, kernel] of Object.entries(kernels)) {
  tf.registerKernel({
    kernelName: name,
    backendName,
    kernelFunc: ({ inputs, attrs }) => recordKernel(name, kernel, inputs, attrs ?? {}),
  })
}

function recordKernel(
  name: string,
  kernel: Kernel,
  inputs: tf.NamedTensorInfoMap,
  attributes: Record<string, unknown>,
): tf.TensorInfo | tf.TensorInfo[] {
  const tensors = kernel.inputs === 'list' ? Object.values(inputs) : kernel.inputs.map((input) => inputs[input])
  const ids = (tensors as tf.TensorInfo[]).map((tensor) => backend.value(tensor))
  const { values, nodes } = recording!
  const inferred = kernel.infer(
    ids.map((id) => values[id]!),
    attributes,
  )
  const outputs = inferred.outputs.map((spec) => values.push(spec) - 1)
  nodes.push({ kernel: name, inputs: ids, outputs, attributes: inferred.attributes, line: callingLine() })
  const infos = outputs.map((value) => backend.tensorInfo(value))
  return infos.length === 1 && !['Unpack', 'SplitV'].includes(name) ? infos[0]! : infos
}

/** The first line of the stack that is neither TensorFlow.js nor this file. */
function callingLine(): string {
  const lines = (new Error().stack ?? '').split('\n').slice(1)
  const line = lines.find((each) => !each.includes('@tensorflow') && !each.includes('/engine/record.'))
  return line?.trim().replace(/^at /, '') ?? 'unknown'
}

/**
 * Runs a step once with tensors that have no values, and returns the kernels it called. Faults: `ENGINE_OP_UNSUPPORTED`
 * names the op that has no recording; `ENGINE_SHAPE_MISMATCH`; `ENGINE_STATE_MISMATCH` where the next state is not as declared.
 */
export function record(step: Step): Program {
  if (recording !== null)
    throw new Fault('ENGINE_RECORDING_NESTED', 'A recording is under way; record one step at a time.')
  const before = tf.engine().backendName
  const current: Recording = { values: [], nodes: [], constants: new Map() }
  recording = current
  tf.setBackend(backendName)
  try {
    let program: Program | undefined
    tf.tidy(() => {
      program = recordInto(current, step)
    })
    return program!
  } catch (error) {
    throw named(error)
  } finally {
    recording = null
    backend.forget()
    if (before !== undefined && before !== null && before !== backendName) tf.setBackend(before)
  }
}

function recordInto({ values, nodes, constants }: Recording, step: Step): Program {
  const placed = (specs: Readonly<Record<string, TensorSpec>>) =>
    Object.entries(specs).map(([name, spec]) => ({ name, value: values.push(spec) - 1 }))
  const tensorsOf = (named: readonly { name: string; value: ValueId }[]): Tensors =>
    Object.fromEntries(
      named.map(({ name, value }) => [name, tf.engine().makeTensorFromTensorInfo(backend.tensorInfo(value))]),
    )
  const inputs = placed(step.inputs)
  const state = placed(step.state ?? {})
  const result = step.run(tensorsOf(inputs), tensorsOf(state))
  const next = result.state ?? {}
  const missing = [...state.map(({ name }) => name), ...Object.keys(next)].find(
    (name) => !(name in next) || !(name in (step.state ?? {})),
  )
  if (missing !== undefined)
    throw new Fault('ENGINE_STATE_MISMATCH', `State "${missing}" must be declared and returned by the step.`)
  return {
    values,
    nodes,
    constants,
    inputs,
    outputs: Object.entries(result.outputs).map(([name, tensor]) => ({ name, value: backend.value(tensor) })),
    state: state.map(({ name, value }) => {
      const to = next[name]!
      if (sizeOf(to.shape) !== sizeOf(values[value]!.shape)) {
        throw new Fault(
          'ENGINE_STATE_MISMATCH',
          `State "${name}" has shape [${values[value]!.shape}] and its next value [${to.shape}].`,
        )
      }
      return { name, from: value, to: backend.value(to) }
    }),
  }
}

function named(error: unknown): unknown {
  const kernel = error instanceof Error ? /Kernel '(\w+)' not registered/.exec(error.message)?.[1] : undefined
  if (kernel === undefined) return error
  const stack = (error as Error).stack?.split('\n') ?? []
  const line = stack.slice(1).find((each) => !each.includes('@tensorflow') && !each.includes('/engine/record.'))
  return new Fault(
    'ENGINE_OP_UNSUPPORTED',
    `The engine does not record ${kernel}, used ${line?.trim() ?? 'by the step'}; write the step with other ops, or add the kernel.`,
    { cause: error },
  )
}
