import type { Program, TypedArray } from './program.ts'

/** One runtime that runs programs. `cpu`: ONNX Runtime. */
export interface Device {
  readonly name: 'cpu'
  /** Lowers and loads the program. `state` gives the initial value of every state tensor. */
  open(program: Program, options: SessionOptions): Promise<Session>
}

export interface SessionOptions {
  readonly threads: number
  readonly state?: Readonly<Record<string, TypedArray>>
}

export interface Session {
  /** One step. Feeds and outputs by name; outputs are valid until the next run. */
  run(feeds: Readonly<Record<string, TypedArray>>): Promise<Record<string, TypedArray>>
  /** A copy of the state. */
  readState(): Promise<Record<string, TypedArray>>
  /** Gives native memory back; the session is unusable afterwards. */
  close(): Promise<void>
}
