import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readSafetensors } from '../../../models/engine/safetensors.ts'
import { createEncoder, emptyBatch } from '../../../models/spec/encoder.ts'
import { layoutOf } from '../../../models/spec/layout.ts'
import { graphFile, int8GraphFile, weightsFile } from '../../../pipelines/training/version.ts'
import { type SmallVersion, smallVersion, wideRanker } from './small-version.ts'

interface Read {
  readonly tensors: Record<
    string,
    { readonly dtype: string; readonly shape: readonly number[]; readonly sha256: string }
  >
  /** By request: those of 16 slots. */
  readonly scores: readonly (readonly number[])[]
}

const python = process.env.TEST_PYTHON
const skip = python === undefined ? 'TEST_PYTHON is not set' : false
const slots = 16

const sha256 = ({ buffer, byteOffset, byteLength }: Float32Array) =>
  createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex')

/** Golden requests as the graph takes them. */
function feedsOf({ manifest }: SmallVersion): Record<string, readonly number[]>[] {
  const encoder = createEncoder(manifest.definition, manifest.statistics)
  return manifest.golden.inputs.map((input) => {
    const batch = encoder.encode([input], emptyBatch(encoder.layout, { requests: 1, candidates: slots }))
    return Object.fromEntries(
      (['request', 'candidate'] as const).flatMap((side) =>
        (['rows', 'weights', 'numbers', 'present'] as const).map((part) => [`${side}.${part}`, [...batch[side][part]]]),
      ),
    )
  })
}

function readWith(interpreter: string, version: SmallVersion, graph: string): Read {
  const script = join(import.meta.dirname, 'read-version.py')
  const { status, stdout, stderr } = spawnSync(interpreter, [script, version.folder, graph], {
    input: JSON.stringify(feedsOf(version)),
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout)
}

test("Python's safetensors and onnxruntime open a version and score as it was published", { skip }, async () => {
  const version = await smallVersion()

  const read = readWith(python!, version, graphFile(slots))

  const own = readSafetensors(readFileSync(join(version.folder, weightsFile)))
  const tensors = Object.entries(read.tensors).filter(([name]) => !name.startsWith('_padding_'))
  assert.deepEqual(tensors.map(([name]) => name).sort(), [...own.keys()].sort())
  for (const [name, { dtype, shape, sha256: hash }] of tensors) {
    const { shape: wanted, data } = own.get(name)!
    assert.deepEqual([dtype, shape, hash], ['float32', wanted, sha256(data)], name)
  }
  const { tableRows } = layoutOf(version.manifest.definition)
  const { trunk, tasks } = version.manifest.definition
  for (const [name, shape, data] of [
    ['table.deep', [tableRows, trunk.dimension], version.weights.deep],
    ['table.wide', [tableRows, tasks.length], version.weights.wide],
  ] as const)
    assert.deepEqual(read.tensors[name], { dtype: 'float32', shape, sha256: sha256(data) })

  const { scores: golden } = version.manifest.golden
  assert.ok(golden.length > 0 && golden[0]!.length > 0)
  for (const [i, scores] of golden.entries()) {
    assert.equal(read.scores[i]!.length, slots * version.manifest.definition.tasks.length)
    scores.forEach((score, at) => void assert.ok(Math.abs(read.scores[i]![at]! - score) <= 1e-5, `${i}, ${at}`))
  }
})

test("Python's onnxruntime opens an int8 graph and scores as it was published", { skip }, async () => {
  const version = await smallVersion(5, wideRanker, { mostScoreChange: 1, mostMetricLoss: 1 })
  const { int8Scores, scores: float32 } = version.manifest.golden

  const { scores } = readWith(python!, version, int8GraphFile(slots))

  const differences = int8Scores!.flatMap((row, i) => row.map((score, at) => Math.abs(scores[i]![at]! - score)))
  assert.ok(differences.length > 0 && Math.max(...differences) <= 1e-3, `${Math.max(...differences)}`)
  assert.notDeepEqual(int8Scores, float32)
})
