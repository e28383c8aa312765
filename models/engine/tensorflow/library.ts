import { createRequire } from 'node:module'
import { cpus } from 'node:os'
import { dirname, join } from 'node:path'
import { Fault } from '../../spec/fault.ts'
import type { Device } from '../device.ts'
import type { TypedArray } from '../program.ts'

/** What the engine uses of the addon of `@tensorflow/tfjs-node`. Models and tensors are numbers that it hands out. */
export interface Binding {
  readonly TF_Version: string
  readonly TF_FLOAT: number
  readonly TF_INT32: number
  readonly TF_BOOL: number
  readonly TF_ATTR_TYPE: number
  readonly TF_ATTR_BOOL: number
  loadSavedModel(folder: string, tags: string): number
  /** Inputs and outputs are names of tensors, joined by commas. */
  runSavedModel(model: number, tensors: readonly number[], inputs: string, outputs: string): { readonly id: number }[]
  deleteSavedModel(model: number): void
  createTensor(shape: readonly number[], type: number, data: TypedArray): number
  tensorDataSync(tensor: number): TypedArray
  deleteTensor(tensor: number): void
  executeOp(
    name: string,
    attributes: readonly { readonly name: string; readonly type: number; readonly value: number | boolean }[],
    tensors: readonly number[],
    outputs: number,
  ): { readonly id: number }[]
  isUsingGpuDevice(): boolean
}

export interface Library {
  readonly binding: Binding
  readonly about: Device['about']
  /** Whether it compiles clusters of operations. */
  readonly hasXla: boolean
  readonly onGpu: boolean
}

/** Tried in this order. Their addons and what they export are the same. */
export const packageNames = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const
export type PackageName = (typeof packageNames)[number]

/** Within a package. Newer versions of Node load it too: the interface it is built on is stable. */
export const addonPath = join('lib', 'napi-v8', 'tfjs_binding.node')

let loaded: Library | undefined

/**
 * TensorFlow's C library, loaded once a process: threads and switches of later calls change nothing. In a worker thread the
 * switches are those of the environment the process was started with, since a worker sets a copy of it only. Faults
 * `ENGINE_DEVICE_MISSING` and `ENGINE_DEVICE_BROKEN`.
 */
export function loadLibrary({ threads }: { readonly threads: number }): Library {
  if (loaded !== undefined) return loaded
  for (const [name, value] of Object.entries(switches(threads))) process.env[name] ??= value
  loaded = openLibrary(import.meta.filename)
  return loaded
}

/** The library reads them once, when it is loaded. What is set already is left so. */
const switches = (threads: number) => ({
  TF_CPP_MIN_LOG_LEVEL: '2',
  TF_NUM_INTRAOP_THREADS: String(threads),
  TF_NUM_INTEROP_THREADS: String(threads),
  OMP_NUM_THREADS: String(threads),
})

/** The first of the packages that the file could import. */
export function findPackage(file: string): { readonly name: PackageName; readonly folder: string } | undefined {
  const { resolve } = createRequire(file)
  for (const name of packageNames) {
    try {
      return { name, folder: dirname(resolve(`${name}/package.json`)) }
    } catch {}
  }
  return undefined
}

/**
 * The addon alone, without the JavaScript around it: that would make itself the backend of TensorFlow.js for the whole
 * process, and it needs functions that Node 23 removed.
 */
export function openLibrary(file: string): Library {
  const found = findPackage(file)
  if (found === undefined) {
    throw new Fault(
      'ENGINE_DEVICE_MISSING',
      'The device "tensorflow" needs TensorFlow, which is not installed. `npm run setup:tensorflow` installs it.',
    )
  }
  try {
    const binding: Binding = createRequire(file)(join(found.folder, addonPath))
    return describe(binding, found.name)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Fault(
      'ENGINE_DEVICE_BROKEN',
      `${found.name} is installed but does not load (${reason.split('\n')[0]}). \`npm run setup:tensorflow -- --force\` installs it again.`,
      { cause, details: { folder: found.folder } },
    )
  }
}

function describe(binding: Binding, name: PackageName): Library {
  const [xla, onGpu] = [knows(binding, 'XlaLaunch'), binding.isUsingGpuDevice()]
  const notes: string[] = []
  if (!xla) notes.push('This build of TensorFlow has no XLA: operations run one by one, which takes longer.')
  if (name === '@tensorflow/tfjs-node-gpu' && !onGpu)
    notes.push(`${name} found no GPU that it can use; with TF_CPP_MIN_LOG_LEVEL=0 it says why. The processor computes.`)
  const hardware = onGpu ? 'NVIDIA GPU' : (cpus()[0]?.model ?? 'unknown')
  return { binding, about: { runtime: `TensorFlow ${binding.TF_Version}`, hardware, notes }, hasXla: xla, onGpu }
}

/** Whether the library has that operation: called without its inputs, it complains of these, or of the operation. */
export function knows(binding: Pick<Binding, 'executeOp'>, operation: string): boolean {
  try {
    binding.executeOp(operation, [], [], 0)
    return true
  } catch (error) {
    return error instanceof Error && !/registered in (the )?binary/.test(error.message)
  }
}
