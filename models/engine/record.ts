import * as tf from '@tensorflow/tfjs-core'
import { Fault } from '../spec/fault.ts'
import { registerGradients } from './gradients/register.ts'
import type { Inferred, Kernel } from './kernels/kernel.ts'
import { kernels } from './kernels/table.ts'
import { modelLine } from './model-line.ts'
import type { Program, ProgramNode, TensorSpec, TypedArray, ValueId } from './program.ts'

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

// Kernels without an entry are refused where they are called, never computed elsewhere.
for (const [name, constant] of Object.entries(tf)) {
  if (constant !== name || name in kernels) continue
  tf.registerKernel({
    kernelName: name,
    backendName,
    kernelFunc: () => {
      throw new Fault(
        'ENGINE_OP_UNSUPPORTED',
        `The engine does not record ${name}, used at ${modelLine()}; write the step with other ops, or add the kernel.`,
        { path: modelLine(), details: { kernel: name } },
      )
    },
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
  const line = modelLine()
  const specs = ids.map((id) => values[id]!)
  const inferred = inferAt(line, name, () => kernel.infer(specs, attributes))
  const outputs = inferred.outputs.map((spec) => values.push(spec) - 1)
  nodes.push({ kernel: name, inputs: ids, outputs, attributes: inferred.attributes, line })
  const infos = outputs.map((value) => backend.tensorInfo(value))
  return infos.length === 1 && !['Unpack', 'SplitV'].includes(name) ? infos[0]! : infos
}

/** Faults of shape inference name the line of the model that asked for it. */
function inferAt(line: string, name: string, infer: () => Inferred): Inferred {
  try {
    return infer()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const code = cause instanceof Fault ? cause.code : 'ENGINE_SHAPE_MISMATCH'
    throw new Fault(code, `${name} at ${line}: ${reason}`, { path: line, cause })
  }
}

/** What TensorFlow.js itself refuses, before any kernel is called, gets the model's line too. */
function withLine(error: unknown): unknown {
  const stack = error instanceof Error && !(error instanceof Fault) ? (error.stack ?? '') : ''
  if (!/^ +at .*$/m.exec(stack)?.[0].includes('tfjs-core')) return error
  const line = modelLine(stack)
  const reason = (error as Error).message
  return new Fault('ENGINE_OP_REFUSED', `TensorFlow.js at ${line}: ${reason}`, { path: line, cause: error })
}

/**
 * Runs a step once with tensors that have no values, and returns the kernels it called. Faults: `ENGINE_OP_UNSUPPORTED`
 * names the op that has no recording; `ENGINE_OP_REFUSED` is what TensorFlow.js says of a call; `ENGINE_SHAPE_MISMATCH`;
 * `ENGINE_STATE_MISMATCH` where the next state is not as declared.
 */
export function record(step: Step): Program {
  if (recording !== null)
    throw new Fault('ENGINE_RECORDING_NESTED', 'A recording is under way; record one step at a time.')
  const before = tf.engine().backendName
  const current: Recording = { values: [], nodes: [], constants: new Map() }
  recording = current
  // The model's line lies below many frames of TensorFlow.js.
  const stackDepth = Error.stackTraceLimit
  Error.stackTraceLimit = 100
  tf.setBackend(backendName)
  registerGradients()
  try {
    let program: Program | undefined
    tf.tidy(() => {
      program = recordInto(current, step)
    })
    return program!
  } catch (error) {
    throw withLine(error)
  } finally {
    Error.stackTraceLimit = stackDepth
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
      const { shape, dtype } = values[value]!
      if (to.shape.join() !== shape.join() || to.dtype !== dtype) {
        throw new Fault(
          'ENGINE_STATE_MISMATCH',
          `State "${name}" is ${dtype} [${shape}] and its next value ${to.dtype} [${to.shape}]; return it as declared.`,
        )
      }
      return { name, from: value, to: backend.value(to) }
    }),
  }
}
