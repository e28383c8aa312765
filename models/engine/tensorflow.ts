import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Device, requirePrecision, type Session, type SessionOptions } from './device.ts'
import { checkFeeds } from './feeds.ts'
import { optimize } from './optimize.ts'
import type { Program, TensorSpec, TypedArray } from './program.ts'
import { initialState } from './state.ts'
import { type Binding, loadLibrary } from './tensorflow/library.ts'
import { toSavedModel } from './tensorflow/lower.ts'

/**
 * TensorFlow's C library on the processor, or on an NVIDIA GPU. Threads are set when it is first loaded, for the process.
 * Fault `ENGINE_DEVICE_MISSING` where the package is not installed.
 */
export function loadTensorflow(threads = cpus().length): Device {
  const { binding, about } = loadLibrary({ threads })
  const device: Device = {
    name: 'tensorflow',
    about,
    precisions: ['float32', 'bfloat16'],
    async open(program, options) {
      const precision = options.precision ?? 'float32'
      requirePrecision(device, precision)
      const optimized = optimize(program)
      const model = toSavedModel(optimized, { precision })
      return stepSession(binding, await load(binding, model), optimized, options)
    },
  }
  return device
}

/** The library reads graphs from folders only. */
async function load(binding: Binding, model: Uint8Array): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'polyrank-graph-'))
  try {
    await writeFile(join(folder, 'saved_model.pb'), model)
    return binding.loadSavedModel(folder, 'serve')
  } finally {
    await rm(folder, { recursive: true })
  }
}

function stepSession(binding: Binding, model: number, program: Program, { state }: SessionOptions): Session {
  const types = { float32: binding.TF_FLOAT, int32: binding.TF_INT32, bool: binding.TF_BOOL }
  const specOf = (value: number) => program.values[value]!
  const call = (
    inputs: readonly { readonly name: string; readonly spec: TensorSpec; readonly data: TypedArray }[],
    outputs: readonly string[],
  ): TypedArray[] => {
    const ids = inputs.map(({ spec, data }) => binding.createTensor([...spec.shape], types[spec.dtype], data))
    const [from, to] = [inputs.map(({ name }) => `${name}:0`), outputs.map((name) => `${name}:0`)]
    try {
      return binding.runSavedModel(model, ids, from.join(), to.join()).map(({ id }) => {
        const data = binding.tensorDataSync(id)
        binding.deleteTensor(id)
        return data
      })
    } finally {
      for (const id of ids) binding.deleteTensor(id)
    }
  }
  const initial = initialState(program, state)
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
  const outputNames = [...program.outputs.map(({ name }) => `output.${name}`), 'done']
  return {
    async run(feeds) {
      checkFeeds(program, feeds)
      // The call holds the thread; timers and messages have their turn between steps.
      await nextTurn()
      const fed = program.inputs.map(({ name, value }) => ({
        name: `input.${name}`,
        spec: specOf(value),
        data: feeds[name]!,
      }))
      const results = call(fed, outputNames)
      return Object.fromEntries(program.outputs.map(({ name }, i) => [name, results[i]!]))
    },
    async readState() {
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
