import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openOnnxFile } from '../../../models/engine/cpu.ts'
import { readSafetensors } from '../../../models/engine/safetensors.ts'
import { deepTable } from '../../../models/objectives/scoring-step.ts'
import { canonical, definitionHash } from '../../../models/spec/definition-hash.ts'
import { createEncoder, emptyBatch } from '../../../models/spec/encoder.ts'
import { buckets, graphFile, type Manifest, manifestFile, weightsFile } from '../../../pipelines/training/version.ts'
import { rankerWith } from './small-source.ts'
import { trainedOn, written } from './written-version.ts'

const definition = rankerWith({ epochs: 2 })
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex')

const trained = await trainedOn(60, definition)
const version = await written(trained)

test('a version is its weights, a graph for each number of candidates, and last the manifest that names them', () => {
  const { order, removed, manifest } = version

  assert.deepEqual(order, [weightsFile, ...buckets.map(graphFile), manifestFile])
  assert.deepEqual(removed, [])
  assert.deepEqual(
    manifest.files.map(({ name }) => name),
    order.slice(0, -1),
  )
  assert.deepEqual(manifest.buckets, [16, 64, 256, 1024])
})

test('the manifest has the size and hash of each file as it lies there', () => {
  for (const { name, sha256: hash, sizeBytes } of version.manifest.files) {
    const bytes = version.bytesOf(name)
    assert.deepEqual([hash, sizeBytes], [sha256(bytes), bytes.length], name)
  }
})

test('what is written is what was returned, readable by people', () => {
  const text = version.bytesOf(manifestFile).toString('utf8')

  assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(version.manifest)))
  assert.ok(text.split('\n').length > 100)
})

test('a version is named by its definition and its content, all of it', () => {
  const { version: name, ...core } = version.manifest

  assert.equal(core.formatVersion, 1)
  assert.equal(core.definitionHash, definitionHash(definition))
  assert.equal(name, `${core.definitionHash.slice(0, 8)}-${sha256(canonical(core)).slice(0, 8)}`)
})

test('the manifest holds no clock: training again gives the same bytes of every file', async () => {
  const again = await written(await trainedOn(60, definition))

  for (const name of readdirSync(version.folder))
    assert.ok(again.bytesOf(name).equals(version.bytesOf(name)), `${name} differs`)
})

test('another seed gives other weights and so another version of the same definition', async () => {
  const { manifest } = await written(
    await trainedOn(60, { ...definition, training: { ...definition.training, seed: 9 } }),
  )

  assert.equal(manifest.definitionHash, version.manifest.definitionHash)
  assert.notEqual(manifest.version, version.manifest.version)
})

test('the weights file has every tensor by name, with the numbers that training left', () => {
  const tensors = readSafetensors(version.bytesOf(weightsFile))
  const { network, weights } = trained

  const { parameters } = network.parameters
  assert.deepEqual([...tensors.keys()].sort(), [...parameters.map(({ name }) => name), deepTable, 'table.wide'].sort())
  for (const { name, shape, offset, size } of parameters) {
    assert.deepEqual(tensors.get(name)!.shape, shape)
    assert.deepEqual(tensors.get(name)!.data, weights.dense.slice(offset, offset + size))
  }
  assert.deepEqual(tensors.get(deepTable)!.data, weights.deep)
  assert.deepEqual(tensors.get('table.wide')!.data, weights.wide)
})

/** Scores of the golden requests by the graph of one bucket, as a server would get them. */
async function goldenScores(folder: string, { statistics, golden, definition: own }: Manifest, bucket: number) {
  const encoder = createEncoder(own, statistics)
  const session = await openOnnxFile(join(folder, graphFile(bucket)), { threads: 1 })
  try {
    const all: number[][] = []
    for (const input of golden.inputs) {
      const batch = encoder.encode([input], emptyBatch(encoder.layout, { requests: 1, candidates: bucket }))
      const feeds = Object.fromEntries(
        (['request', 'candidate'] as const).flatMap((side) =>
          (['rows', 'weights', 'numbers', 'present'] as const).map((part) => [`${side}.${part}`, batch[side][part]]),
        ),
      )
      const { scores } = await session.run(feeds)
      all.push([...(scores as Float32Array).slice(0, input.candidates.length * own.tasks.length)])
    }
    return all
  } finally {
    await session.close()
  }
}

test('each graph gives the golden requests the scores that training gave them', async () => {
  const { golden } = version.manifest
  assert.equal(golden.inputs.length, 3)

  for (const bucket of buckets) {
    const scores = await goldenScores(version.folder, version.manifest, bucket)
    scores.forEach((row, i) => {
      assert.equal(row.length, golden.scores[i]!.length)
      row.forEach((score, j) => {
        assert.ok(Math.abs(score - golden.scores[i]![j]!) <= 1e-5, `${score} is not ${golden.scores[i]![j]}`)
      })
    })
  }
})

test('the graphs read their weights from the weights file beside them', async () => {
  const copy = await written(trained)
  const before = await goldenScores(copy.folder, copy.manifest, 16)
  const bytes = copy.bytesOf(weightsFile)
  const tensors = readSafetensors(bytes)
  const bias = tensors.get(trained.network.parameters.parameters.find(({ size }) => size === 2)!.name)!
  const at = bytes.indexOf(Buffer.from(bias.data.buffer, bias.data.byteOffset, bias.data.byteLength))
  bytes.writeFloatLE(bias.data[0]! + 1, at)
  writeFileSync(join(copy.folder, weightsFile), bytes)

  const after = await goldenScores(copy.folder, copy.manifest, 16)

  assert.ok(after.flat().some((score, i) => Math.abs(score - before.flat()[i]!) > 0.01))
  rmSync(join(copy.folder, weightsFile))
  await assert.rejects(goldenScores(copy.folder, copy.manifest, 16))
})
