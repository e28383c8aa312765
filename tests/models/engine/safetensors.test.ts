import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type NamedTensor, readSafetensors, writeSafetensors } from '../../../models/engine/safetensors.ts'
import { bitsOf } from './run-step.ts'

const fileOf = (tensors: readonly NamedTensor[]): Uint8Array =>
  new Uint8Array(Buffer.concat(writeSafetensors(tensors).pieces))
const tensor = (name: string, shape: readonly number[], values: readonly number[]): NamedTensor => ({
  name,
  shape,
  data: Float32Array.from(values),
})
const some = [tensor('a.weight', [2, 3], [1, 2, 3, 4, 5, 6]), tensor('b', [], [-7]), tensor('c', [0, 4], [])]
const isCorrupt = { code: 'WEIGHTS_CORRUPT', message: /fetch the version again/ }

interface Header {
  [name: string]: { dtype: string; shape: unknown; data_offsets: unknown }
}
const headerLength = (file: Uint8Array) => Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true))
const headerOf = (file: Uint8Array): Header =>
  JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerLength(file))))
/** The same body behind another header. */
function withHeader(file: Uint8Array, header: unknown): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const length = new Uint8Array(8)
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length), true)
  return new Uint8Array(Buffer.concat([length, json, file.subarray(8 + headerLength(file))]))
}

const shapes = fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 3 })
const tensors = fc.uniqueArray(
  fc.tuple(fc.stringMatching(/^[a-zé.]{1,8}$/), shapes).chain(([name, shape]) => {
    const length = shape.reduce((size, extent) => size * extent, 1)
    return fc.array(fc.float(), { minLength: length, maxLength: length }).map((values) => tensor(name, shape, values))
  }),
  { selector: ({ name }) => name, maxLength: 6 },
)

test('what is written is read back, bit for bit', () => {
  fc.assert(
    fc.property(tensors, (written) => {
      const read = readSafetensors(fileOf(written))

      assert.deepEqual([...read.keys()].sort(), written.map(({ name }) => name).sort())
      for (const { name, shape, data } of written) {
        assert.deepEqual(read.get(name)!.shape, shape)
        assert.deepEqual(bitsOf(read.get(name)!.data), bitsOf(data))
      }
    }),
  )
})

test('the file is what the format says: header length, JSON, tensors end to end up to the end', () => {
  fc.assert(
    fc.property(tensors, (written) => {
      const file = fileOf(written)
      const entries = Object.values(headerOf(file)).map(({ data_offsets: offsets }) => offsets as [number, number])

      entries.sort(([a, b], [c, d]) => a - c || b - d)
      let end = 0
      for (const [from, to] of entries) {
        assert.equal(from, end)
        end = to
      }
      assert.equal(8 + headerLength(file) + end, file.byteLength)
    }),
  )
})

test('every tensor starts on a page of 4,096 bytes, where the list of stored tensors says', () => {
  const long = tensor(
    'long',
    [3000],
    Array.from({ length: 3000 }, (_, i) => i),
  )
  const page = tensor('page', [1024], new Array<number>(1024).fill(2))
  const written = [...some, long, page, tensor('last', [1], [9])]
  const stored = writeSafetensors(written).tensors
  const file = fileOf(written)

  assert.deepEqual(
    stored.map(({ name, shape, sizeBytes }) => [name, shape, sizeBytes]),
    written.map(({ name, shape, data }) => [name, shape, data.byteLength]),
  )
  // Three pages for the long one, none beyond its own for one that fills its page.
  assert.deepEqual(
    stored.slice(1).map(({ offset }, i) => (offset - stored[i]!.offset) / 4096),
    [1, 1, 0, 3, 1],
  )
  stored.forEach(({ offset, sizeBytes }, i) => {
    assert.equal(offset % 4096, 0)
    const bytes = file.slice(offset, offset + sizeBytes)
    assert.deepEqual(new Float32Array(bytes.buffer), written[i]!.data)
  })
})

test('many tensors, whose header fills pages, keep their places', () => {
  const written = Array.from({ length: 300 }, (_, i) => tensor(`parameter.number.${i}`, [1], [i]))
  const file = fileOf(written)

  assert.equal((8 + headerLength(file)) % 4096, 0)
  assert.ok(headerLength(file) > 3 * 4096)
  const read = readSafetensors(file)
  for (const { name, data } of written) assert.deepEqual(read.get(name)!.data, data)
})

test('a file inside a larger buffer is read from its own place', () => {
  const file = fileOf(some)
  const inside = Buffer.alloc(file.byteLength + 100, 255)
  inside.set(file, 3)

  const read = readSafetensors(inside.subarray(3, 3 + file.byteLength))
  assert.deepEqual(read, readSafetensors(file))
  assert.deepEqual([...read.get('a.weight')!.data], [1, 2, 3, 4, 5, 6])
})

test('tensors that are views into one vector are written by themselves', () => {
  const flat = Float32Array.of(1, 2, 3, 4)
  const views = [
    { name: 'left', shape: [1], data: flat.subarray(0, 1) },
    { name: 'right', shape: [3], data: flat.subarray(1) },
  ]

  const read = readSafetensors(fileOf(views))
  assert.deepEqual([...read.get('left')!.data], [1])
  assert.deepEqual([...read.get('right')!.data], [2, 3, 4])
})

test('a header that others wrote, with metadata and without padding, is read too', () => {
  const file = withHeader(
    new Uint8Array(Buffer.concat([new Uint8Array(8), new Uint8Array(Float32Array.of(4, 5).buffer)])),
    {
      x: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
      __metadata__: { format: 'pt' },
    },
  )

  assert.deepEqual([...readSafetensors(file).keys()], ['x'])
  assert.deepEqual([...readSafetensors(file).get('x')!.data], [4, 5])
})

test('a file cut anywhere is corrupt', () => {
  const file = fileOf(some)
  const cuts = Array.from({ length: Math.ceil(file.byteLength / 7) }, (_, i) => i * 7)

  for (const length of [...cuts, file.byteLength - 1])
    assert.throws(() => readSafetensors(file.subarray(0, length)), isCorrupt)
})

test('a file with bytes after its end is corrupt', () => {
  const file = fileOf(some)
  assert.throws(() => readSafetensors(new Uint8Array(Buffer.concat([file, new Uint8Array(1)]))), isCorrupt)
})

test('a wrong header length is corrupt', () => {
  const file = fileOf(some)
  for (const length of [
    0n,
    1n,
    BigInt(headerLength(file)) - 4000n,
    BigInt(headerLength(file)) + 8n,
    2n ** 40n,
    2n ** 64n - 1n,
  ]) {
    const changed = file.slice()
    new DataView(changed.buffer).setBigUint64(0, length, true)

    assert.throws(() => readSafetensors(changed), isCorrupt, `length ${length}`)
  }
})

test('a header that lies about a tensor is corrupt', () => {
  const file = fileOf(some)
  const header = headerOf(file)
  const a = header['a.weight']!
  const lies: Record<string, unknown> = {
    'another type': { ...a, dtype: 'I32' },
    'no type': { ...a, dtype: undefined },
    'a larger shape': { ...a, shape: [2, 4] },
    'a smaller shape': { ...a, shape: [5] },
    'a negative shape': { ...a, shape: [-2, -3] },
    'a broken shape': { ...a, shape: [1.5, 4] },
    'no shape': { ...a, shape: null },
    'offsets before the body': { ...a, data_offsets: [-24, 0] },
    'offsets of another tensor': { ...a, data_offsets: header.b!.data_offsets },
    'offsets beyond the end': { ...a, data_offsets: [file.byteLength, file.byteLength + 24] },
    'offsets turned round': { ...a, data_offsets: [24, 0] },
    'no offsets': { ...a, data_offsets: undefined },
    nothing: null,
  }

  for (const [lie, entry] of Object.entries(lies)) {
    assert.throws(() => readSafetensors(withHeader(file, { ...header, 'a.weight': entry })), isCorrupt, lie)
  }
})

test('a header that leaves a part of the file out is corrupt', () => {
  const file = fileOf(some)
  for (const name of Object.keys(headerOf(file)).filter((each) => each !== 'c')) {
    const { [name]: _, ...rest } = headerOf(file)
    assert.throws(() => readSafetensors(withHeader(file, rest)), isCorrupt, name)
  }
})

test('bytes that are no JSON, no UTF-8 or no object are corrupt', () => {
  const file = fileOf(some)
  for (const header of ['', '{', 'null', '7', '"text"', '{"a": 1}']) {
    assert.throws(() => readSafetensors(withHeader(file, header)), isCorrupt, header)
  }
  const notText = file.slice()
  notText[10] = 0xff
  assert.throws(() => readSafetensors(notText), isCorrupt)
})
