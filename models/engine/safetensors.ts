import { Fault } from '../spec/fault.ts'
import { sizeOf } from './kernels/kernel.ts'

/** https://github.com/huggingface/safetensors: 8 bytes header length, a JSON header, then the tensors without gaps. */
export interface NamedTensor {
  readonly name: string
  readonly shape: readonly number[]
  readonly data: Float32Array
}

export interface StoredTensor {
  readonly name: string
  readonly shape: readonly number[]
  /** From the start of the file, bytes; a multiple of 4,096, as memory mapping wants it. */
  readonly offset: number
  readonly sizeBytes: number
}

export interface Safetensors {
  /** The file, piece by piece. */
  readonly pieces: readonly Uint8Array[]
  readonly tensors: readonly StoredTensor[]
}

interface Entry {
  readonly dtype: string
  readonly shape: readonly number[]
  readonly data_offsets: readonly [number, number]
}

const page = 4_096
const padding = '_padding_'

/** The format allows no gaps, so what fills a page up is a named tensor of bytes. */
export function writeSafetensors(tensors: readonly NamedTensor[]): Safetensors {
  const header: Record<string, Entry> = {}
  const body: Uint8Array[] = []
  const placed: StoredTensor[] = []
  let end = 0
  const append = (name: string, dtype: string, shape: readonly number[], bytes: Uint8Array) => {
    header[name] = { dtype, shape, data_offsets: [end, end + bytes.byteLength] }
    body.push(bytes)
    end += bytes.byteLength
  }
  for (const { name, shape, data } of tensors) {
    placed.push({ name, shape, offset: end, sizeBytes: data.byteLength })
    append(name, 'F32', shape, new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
    const short = (page - (end % page)) % page
    if (short > 0) append(`${padding}${placed.length}`, 'U8', [short], new Uint8Array(short))
  }
  const json = JSON.stringify(header)
  const dataStart = Math.ceil((8 + Buffer.byteLength(json)) / page) * page
  const head = new Uint8Array(dataStart).fill(0x20)
  new DataView(head.buffer).setBigUint64(0, BigInt(dataStart - 8), true)
  head.set(new TextEncoder().encode(json), 8)
  return {
    pieces: [head, ...body],
    tensors: placed.map((tensor) => ({ ...tensor, offset: tensor.offset + dataStart })),
  }
}

/** The tensors of `file`, copied, by name. Fault `WEIGHTS_CORRUPT` where it is not such a file. */
export function readSafetensors(file: Uint8Array): Map<string, NamedTensor> {
  try {
    const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
    const dataStart = 8 + Number(view.getBigUint64(0, true))
    const header: Record<string, Entry> = JSON.parse(
      new TextDecoder('utf-8', { fatal: true }).decode(file.subarray(8, dataStart)),
    )
    const entries = Object.entries(header).filter(([name]) => name !== '__metadata__')
    checkEntries(entries, file.byteLength - dataStart)
    return new Map(
      entries
        .filter(([name]) => !name.startsWith(padding))
        .map(([name, { shape, data_offsets: offsets }]) => {
          const [from, to] = offsets.map((offset) => dataStart + offset)
          return [name, { name, shape, data: new Float32Array(new Uint8Array(file.subarray(from, to)).buffer) }]
        }),
    )
  } catch (cause) {
    throw new Fault('WEIGHTS_CORRUPT', 'The weights are not a whole safetensors file; fetch the version again.', {
      cause,
    })
  }
}

/** Tensors fit their shapes and lie end to end, from the header to the end of the file. */
function checkEntries(entries: readonly (readonly [string, Entry])[], sizeBytes: number): void {
  const inPlace = entries.toSorted(
    ([, a], [, b]) => a.data_offsets[0] - b.data_offsets[0] || a.data_offsets[1] - b.data_offsets[1],
  )
  let end = 0
  for (const [name, entry] of inPlace) {
    const { dtype, shape } = entry
    const [from, to] = entry.data_offsets
    const [expected, width] = name.startsWith(padding) ? ['U8', 1] : ['F32', 4]
    if (dtype !== expected || !shape.every((extent) => Number.isInteger(extent) && extent >= 0))
      throw new TypeError(`${name} is no tensor of ${expected}`)
    if (from !== end || to - from !== width * sizeOf(shape)) throw new RangeError(`${name} does not fit its place`)
    end = to
  }
  if (end !== sizeBytes) throw new RangeError(`the tensors end at ${end} of ${sizeBytes} bytes`)
}
