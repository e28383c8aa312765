import { Fault } from '../spec/fault.ts'
import type { Program, TypedArray } from './program.ts'

/** `cpu` and `webgpu`: ONNX Runtime. `tensorflow`: TensorFlow's C library, through `@tensorflow/tfjs-node(-gpu)`. */
export const deviceNames = ['cpu', 'tensorflow', 'webgpu'] as const
export type DeviceName = (typeof deviceNames)[number]

/** What matrices are multiplied in. Everything else, the weights kept between steps included, is float32 throughout. */
export type Precision = 'float32' | 'bfloat16'

/** One runtime that runs programs. */
export interface Device {
  readonly name: DeviceName
  /** What it is made of, for people: runtime and version, the hardware it found, and what it lacks. */
  readonly about: { readonly runtime: string; readonly hardware: string; readonly notes: readonly string[] }
  readonly precisions: readonly Precision[]
  /** Lowers and loads the program. Fault `ENGINE_PRECISION_UNSUPPORTED`. */
  open(program: Program, options: SessionOptions): Promise<Session>
}

export interface SessionOptions {
  readonly threads: number
  /** Initial values of state tensors; the others start at zero. */
  readonly state?: Readonly<Record<string, TypedArray>>
  readonly precision?: Precision
}

export interface Session {
  /** How many nodes run on what, by its name, where the runtime tells. */
  readonly placement?: Readonly<Record<string, number>>
  /** One step. Feeds and outputs by name; outputs are valid until the next run. */
  run(feeds: Readonly<Record<string, TypedArray>>): Promise<Record<string, TypedArray>>
  /** A copy of the state. */
  readState(): Promise<Record<string, TypedArray>>
  /** Gives native memory back; the session is unusable afterwards. */
  close(): Promise<void>
}

/** Fault `ENGINE_PRECISION_UNSUPPORTED` where the device does not multiply in that precision. */
export function requirePrecision(
  { name, precisions }: Pick<Device, 'name' | 'precisions'>,
  precision: Precision,
): void {
  if (precisions.includes(precision)) return
  throw new Fault(
    'ENGINE_PRECISION_UNSUPPORTED',
    `The device "${name}" does not multiply in ${precision}, only in ${precisions.join(' and ')}; choose another device or precision.`,
  )
}
