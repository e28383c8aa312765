import { randomUUID } from 'node:crypto'
import kafkajs from 'kafkajs'

// The package's default has what its named exports lack.
const { CompressionCodecs, CompressionTypes } = kafkajs
const missing = [
  ['snappy', CompressionTypes.Snappy],
  ['lz4', CompressionTypes.LZ4],
  ['zstd', CompressionTypes.ZSTD],
] as const

/** No record of a producer carries this header: it is made anew with every process. */
const header = `codec-missing-${randomUUID()}`

/**
 * The client ends whole where one batch of records is packed by a codec that it lacks, and does not say in which partition.
 * From here on such a batch is read as records that only say which codec they need, so that `missingCodecOf` finds them.
 */
export function readMissingCodecs(): void {
  for (const [name, type] of missing) {
    CompressionCodecs[type] = () => ({
      compress: async () => {
        throw new Error(`Nothing is sent packed by ${name}.`)
      },
      decompress: async (packed: Buffer) => stubs(countBefore(packed), name),
    })
  }
}

/** The codec that a record of a batch needs, where it is missing. */
export const missingCodecOf = ({ headers }: { headers?: Record<string, unknown> }): string | undefined => {
  const codec = headers?.[header]
  return codec === undefined ? undefined : String(codec)
}

const mostRecords = 1_000_000

/** A batch says how many records it holds in the four bytes before what is packed; the client hands over a view of both. */
function countBefore(packed: Buffer): number {
  const count = packed.byteOffset < 4 ? 0 : new DataView(packed.buffer, packed.byteOffset - 4, 4).getInt32(0)
  if (count < 1 || count > mostRecords) throw new Error('A batch of records is packed by a codec that is missing.')
  return count
}

function stubs(count: number, codec: string): Buffer {
  const name = Buffer.from(header)
  const value = Buffer.from(codec)
  return Buffer.concat(
    Array.from({ length: count }, (_, i) => {
      // Attributes, time since the batch's, offset since the batch's, no key, no value, one header.
      const record = [Buffer.of(0), varint(0), varint(i), varint(-1), varint(-1), varint(1)]
      const body = Buffer.concat([...record, varint(name.length), name, varint(value.length), value])
      return Buffer.concat([varint(body.length), body])
    }),
  )
}

/** Zigzag, then seven bits a byte, the lowest first. */
function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  while (rest > 127) {
    bytes.push((rest & 127) | 128)
    rest >>>= 7
  }
  return Buffer.from([...bytes, rest])
}
