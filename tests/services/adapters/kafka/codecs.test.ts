import assert from 'node:assert/strict'
import { test } from 'node:test'
import kafkajs from 'kafkajs'
import { missingCodecOf, readMissingCodecs } from '../../../../services/adapters/kafka/codecs.ts'

interface Codec {
  compress(): Promise<Buffer>
  decompress(packed: Buffer): Promise<Buffer>
}
const codecOf = (type: number): Codec => (kafkajs.CompressionCodecs[type as 2] as unknown as () => Codec)()
/** A batch's count of records, and behind it what is packed, as the client hands it over. */
const packed = (count: number) => {
  const batch = Buffer.alloc(16)
  batch.writeInt32BE(count, 4)
  return batch.subarray(8)
}

test('packed records become as many that name the codec, one offset after the other', async () => {
  readMissingCodecs()

  const bytes = await codecOf(kafkajs.CompressionTypes.LZ4).decompress(packed(100))

  const starts: number[] = []
  const offsets: number[] = []
  for (let at = 0; at < bytes.length; ) {
    starts.push(at)
    // All lengths here fit one byte; an offset above 63 takes two, seven bits each, doubled.
    const length = bytes[at]! / 2
    const low = bytes[at + 3]!
    offsets.push((low < 128 ? low : (low & 127) + 128 * bytes[at + 4]!) / 2)
    at += 1 + length
  }
  assert.equal(starts.length, 100)
  assert.deepEqual(
    offsets,
    Array.from({ length: 100 }, (_, i) => i),
  )
  assert.equal(bytes.toString('latin1').split('lz4').length - 1, 100)
})

test('a record of anybody else has no missing codec', () => {
  const records = [{}, { headers: {} }, { headers: { 'codec-missing': 'lz4', 'content-encoding': 'zstd' } }]

  assert.deepEqual(records.map(missingCodecOf), [undefined, undefined, undefined])
})

test('a count that no batch has is refused rather than believed', async () => {
  readMissingCodecs()
  const { decompress } = codecOf(kafkajs.CompressionTypes.ZSTD)

  for (const count of [0, -1, 2_000_000_000]) await assert.rejects(decompress(packed(count)), /codec that is missing/)
  await assert.rejects(decompress(Buffer.from(new ArrayBuffer(8))), /codec that is missing/)
})
