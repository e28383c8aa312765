import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Fault } from '../spec/fault.ts'
import { type Device, requirePrecision, type Session } from './device.ts'
import { checkFeeds } from './feeds.ts'
import { optimize } from './optimize.ts'
import type { Program, TensorSpec, TypedArray } from './program.ts'
import { initialState } from './state.ts'
import { type Binding, type Library, loadLibrary } from './tensorflow/library.ts'
import { toSavedModel } from './tensorflow/lower.ts'

/**
 * TensorFlow's C library on the processor, or on an NVIDIA GPU. Threads are set when it is first loaded, for the process.
 * Fault `ENGINE_DEVICE_MISSING` where the package is not installed.
 */
export const loadTensorflow = (threads = cpus().length): Device => tensorflowOf(loadLibrary({ threads }))

/** The device over a library that is loaded. */
export function tensorflowOf({ binding, about }: Pick<Library, 'binding' | 'about'>): Device {
  const device: Device = {
    name: 'tensorflow',
    about,
    precisions: ['float32', 'bfloat16'],
    async open(program, options) {
      const precision = options.precision ?? 'float32'
      requirePrecision(device, precision)
      const optimized = optimize(program)
      const initial = initialState(optimized, options.state)
      const model = await load(binding, toSavedModel(optimized, { precision }))
      try {
        return stepSession(binding, model, optimized, initial)
      } catch (cause) {
        binding.deleteSavedModel(model)
        throw cause
      }
    },
  }
  return device
}

/** The library reads graphs from folders only. Fault `ENGINE_GRAPH_REFUSED` with its reason. */
async function load(binding: Binding, model: Uint8Array): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'polyrank-graph-'))
  try {
    await writeFile(join(folder, 'saved_model.pb'), model)
    return loadFrom(binding, folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

function loadFrom(binding: Binding, folder: string): number {
  try {
    return binding.loadSavedModel(folder, 'serve')
  } catch (cause) {
    throw new Fault(
      'ENGINE_GRAPH_REFUSED',
      `TensorFlow does not load the program (${reasonOf(cause)}); write it in other operations or names, or choose another device.`,
      { cause },
    )
  }
}

/** The first line: below it are traces of the library. */
const reasonOf = (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)).split('\n')[0]

/** Sets the state, then steps. Fault `ENGINE_RUN_FAILED` with the library's reason. */
function stepSession(binding: Binding, model: number, program: Program, initial: readonly TypedArray[]): Session {
  const types = { float32: binding.TF_FLOAT, int32: binding.TF_INT32, bool: binding.TF_BOOL }
  const specOf = (value: number) => program.values[value]!
  const call = (
    inputs: readonly { readonly name: string; readonly spec: TensorSpec; readonly data: TypedArray }[],
    outputs: readonly string[],
  ): TypedArray[] => {
    const ids: number[] = []
    const [from, to] = [inputs.map(({ name }) => `${name}:0`), outputs.map((name) => `${name}:0`)]
    try {
      for (const { spec, data } of inputs) ids.push(binding.createTensor([...spec.shape], types[spec.dtype], data))
      const results = binding.runSavedModel(model, [...ids], from.join(), to.join()).map(({ id }) => id)
      ids.push(...results)
      return results.map((id) => binding.tensorDataSync(id))
    } catch (cause) {
      throw new Fault(
        'ENGINE_RUN_FAILED',
        `TensorFlow failed to run the program (${reasonOf(cause)}). Its state may be changed in part: open it again ` +
          'from a state that was kept; with fewer rows where memory ran out, or on another device.',
        { cause },
      )
    } finally {
      for (const id of ids) binding.deleteTensor(id)
    }
  }
  if (initial.length > 0) {
    const given = program.state.map(({ name, from }, i) => ({
      name: `initial.${name}`,
      spec: specOf(from),
      data: initial[i]!,
    }))
    call(
      given,
      program.state.map(({ name }) => `ready.${name}`),
    )
  }
  let isClosed = false
  const requireOpen = () => {
    if (isClosed) throw new Fault('ENGINE_SESSION_CLOSED', 'This session is closed; open the program again.')
  }
  const outputNames = [...program.outputs.map(({ name }) => `output.${name}`), 'done']
  return {
    async run(feeds) {
      checkFeeds(program, feeds)
      // The call holds the thread; timers and messages have their turn between steps.
      await nextTurn()
      requireOpen()
      const fed = program.inputs.map(({ name, value }) => ({
        name: `input.${name}`,
        spec: specOf(value),
        data: feeds[name]!,
      }))
      const results = call(fed, outputNames)
      return Object.fromEntries(program.outputs.map(({ name }, i) => [name, results[i]!]))
    },
    async readState() {
      requireOpen()
      if (program.state.length === 0) return {}
      const values = call(
        [],
        program.state.map(({ name }) => `value.${name}`),
      )
      return Object.fromEntries(program.state.map(({ name }, i) => [name, values[i]!]))
    },
    async close() {
      if (!isClosed) binding.deleteSavedModel(model)
      isClosed = true
    },
  }
}
