/**
 * One loop over vectors of float32, as WebAssembly with four elements at a time: JavaScript has no float32 arithmetic, and takes
 * ten times as long (Adam over a million weights: 13 against 1.2 ms). Results are those of the same kernels one after the
 * other, to the bit.
 */

/** Values are known by number, as in a program. */
export interface VectorLoop {
  /** Elements of every vector. */
  readonly size: number
  /** Read at each element; and those that are stored to. */
  readonly vectors: readonly number[]
  /** Read once, the same for all elements. */
  readonly numbers: readonly number[]
  readonly nodes: readonly { readonly operator: string; readonly inputs: readonly number[]; readonly output: number }[]
  /** Done at the end of each element. */
  readonly stores: readonly { readonly vector: number; readonly value: number }[]
}

export interface CompiledLoop {
  run(): void
  /** Where a vector, or the one element of a number, lies: written before `run`, and read after it. */
  memoryOf(value: number): Float32Array
}

/** Node has it; its types leave it to those of browsers. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer }
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (
    module: object,
    imports: Readonly<Record<string, Readonly<Record<string, object>>>>,
  ) => { readonly exports: Readonly<Record<string, unknown>> }
}

/** Opcodes of the WebAssembly specification, "Vector Instructions", after the prefix 0xfd. */
const load = 0x00
const loadSplat = 0x09
const store = 0x0b
const [sqrt, add, subtract, multiply, divide] = [0xe3, 0xe4, 0xe5, 0xe6, 0xe7] as const

/** By kernel; a square multiplies its input by itself. */
export const vectorOperators: Readonly<Record<string, number>> = {
  Add: add,
  Sub: subtract,
  Multiply: multiply,
  RealDiv: divide,
  Sqrt: sqrt,
  Square: multiply,
}

const pageBytes = 65_536
/** Four elements. */
const laneBytes = 16

export function compileVectorLoop(loop: VectorLoop): CompiledLoop {
  const vectorBytes = Math.ceil((loop.size * 4) / laneBytes) * laneBytes
  const places = new Map<number, number>()
  let end = 0
  for (const value of loop.numbers) {
    places.set(value, end)
    end += laneBytes
  }
  for (const value of loop.vectors) {
    places.set(value, end)
    end += vectorBytes
  }
  const memory = new WebAssembly.Memory({ initial: Math.ceil(end / pageBytes) })
  const module = new WebAssembly.Module(Uint8Array.from(moduleOf(loop, places, vectorBytes)))
  const { exports } = new WebAssembly.Instance(module, { host: { memory } })
  const single = new Set(loop.numbers)
  return {
    run: exports.run as () => void,
    memoryOf: (value) => new Float32Array(memory.buffer, places.get(value)!, single.has(value) ? 1 : loop.size),
  }
}

/** Sections and instructions as in the WebAssembly specification, "Binary Format". */
function moduleOf(loop: VectorLoop, places: ReadonlyMap<number, number>, vectorBytes: number): number[] {
  const [int32, vector128, functionType] = [0x7f, 0x7b, 0x60] as const
  const magic = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]
  const locals = localsOf(loop)
  const body = [
    ...counted([
      [...unsigned(1), int32],
      [...unsigned(locals.size), vector128],
    ]),
    ...bodyOf(loop, places, locals, vectorBytes),
  ]
  return [
    ...magic,
    ...section(1, [[functionType, 0, 0]]),
    ...section(2, [[...named('host'), ...named('memory'), 0x02, 0x00, ...unsigned(1)]]),
    ...section(3, [[0]]),
    ...section(7, [[...named('run'), 0x00, 0]]),
    ...section(10, [[...unsigned(body.length), ...body]]),
  ]
}

/** The place of each value among the function's variables; the first is the offset of the element. */
const localsOf = ({ vectors, numbers, nodes }: VectorLoop): ReadonlyMap<number, number> =>
  new Map([...numbers, ...vectors, ...nodes.map(({ output }) => output)].map((value, i) => [value, i + 1]))

function bodyOf(
  { vectors, numbers, nodes, stores }: VectorLoop,
  places: ReadonlyMap<number, number>,
  locals: ReadonlyMap<number, number>,
  vectorBytes: number,
): number[] {
  const offset = 0
  const [loopStart, emptyBlock, blockEnd, branchIf] = [0x03, 0x40, 0x0b, 0x0d] as const
  const [constant, plus, isLess] = [0x41, 0x6a, 0x49] as const
  const [get, set, tee] = [0x20, 0x21, 0x22].map((code) => (local: number) => [code, ...unsigned(local)]) as [
    (local: number) => number[],
    (local: number) => number[],
    (local: number) => number[],
  ]
  const lanes = (code: number) => [0xfd, ...unsigned(code)]
  const local = (value: number) => locals.get(value)!
  /** Aligned by 2^alignment bytes. */
  const at = (value: number, alignment: number) => [alignment, ...unsigned(places.get(value)!)]
  return [
    ...numbers.flatMap((value) => [...get(offset), ...lanes(loadSplat), ...at(value, 2), ...set(local(value))]),
    loopStart,
    emptyBlock,
    ...vectors.flatMap((value) => [...get(offset), ...lanes(load), ...at(value, 4), ...set(local(value))]),
    ...nodes.flatMap(({ operator, inputs, output }) => [
      ...(operator === 'Square' ? [inputs[0]!, inputs[0]!] : inputs).flatMap((value) => get(local(value))),
      ...lanes(vectorOperators[operator]!),
      ...set(local(output)),
    ]),
    ...stores.flatMap(({ vector, value }) => [...get(offset), ...get(local(value)), ...lanes(store), ...at(vector, 4)]),
    ...[...get(offset), constant, ...signed(laneBytes), plus, ...tee(offset)],
    ...[constant, ...signed(vectorBytes), isLess, branchIf, 0],
    blockEnd,
    blockEnd,
  ]
}

/** LEB128, as all whole numbers of the format. */
function unsigned(value: number): number[] {
  const bytes: number[] = []
  let left = value
  do {
    const low = left % 128
    left = Math.floor(left / 128)
    bytes.push(left === 0 ? low : low + 128)
  } while (left !== 0)
  return bytes
}

/** Of a number that is not negative: one bit more, for its sign. */
function signed(value: number): number[] {
  const bytes = unsigned(value)
  const last = bytes.at(-1)!
  return last < 64 ? bytes : [...bytes.slice(0, -1), last + 128, 0]
}

const counted = (entries: readonly (readonly number[])[]): number[] => [...unsigned(entries.length), ...entries.flat()]

function section(id: number, entries: readonly (readonly number[])[]): number[] {
  const content = counted(entries)
  return [id, ...unsigned(content.length), ...content]
}

const named = (text: string): number[] => [...unsigned(text.length), ...new TextEncoder().encode(text)]
