import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openOnnxFile } from '../../../models/engine/cpu.ts'
import { openGraphs } from '../../../pipelines/training/graph-scorer.ts'
import { buckets, graphFile, int8GraphFile, manifestFile, weightsFile } from '../../../pipelines/training/version.ts'
import { rankerWith } from './small-source.ts'
import { generous, trainedOn, written } from './written-version.ts'

/** Wide enough for its first layer to gain. */
const wide = { ...rankerWith({ epochs: 1 }), architecture: { kind: 'shared-bottom', hidden: 160, tower: 4 } } as const
const trained = await trainedOn(100, wide)
const version = await written(trained, {})
const plain = await written(trained)

test('int8 graphs lie beside those of float32, which stay as they are to the byte', () => {
  const { order, manifest, bytesOf } = version

  assert.deepEqual(order, [
    weightsFile,
    ...buckets.map((bucket) => graphFile(bucket)),
    ...buckets.map((bucket) => int8GraphFile(bucket)),
    manifestFile,
  ])
  assert.deepEqual(
    manifest.files.map(({ name }) => name),
    order.slice(0, -1),
  )
  for (const { name, sha256, sizeBytes } of manifest.files) {
    const hash = createHash('sha256').update(bytesOf(name)).digest('hex')
    assert.deepEqual([hash, sizeBytes], [sha256, bytesOf(name).length], name)
  }
  for (const { name } of plain.manifest.files) assert.ok(plain.bytesOf(name).equals(bytesOf(name)), name)
})

test('a version that was not asked for int8 says nothing of it', () => {
  const { quantization, golden } = plain.manifest

  assert.deepEqual([quantization, golden.int8Scores], [undefined, undefined])
  assert.ok(!plain.bytesOf(manifestFile).includes('int8'))
})

test('the manifest says what int8 costs, on every example of the unseen slice', () => {
  const { quantization } = version.manifest

  assert.deepEqual(quantization!.weights, ['expert.weight'])
  assert.deepEqual([quantization!.refusals, quantization!.bounds], [[], generous])
  assert.equal(quantization!.examples, trained.holdout.users.length)
  const { most, mean } = quantization!.scoreChanges.click!
  assert.ok(mean > 0 && mean < most && most < 0.05, `${most}, ${mean}`)
  const { metrics } = trained.content
  for (const [task, values] of Object.entries(quantization!.metrics)) {
    assert.deepEqual(Object.keys(values), Object.keys(metrics[task]!))
    for (const [name, value] of Object.entries(values)) {
      const change = quantization!.metricChanges[task]![name]!
      assert.ok(Object.is(value - metrics[task]![name]!, change) || Number.isNaN(change), `${task} ${name}`)
    }
  }
  assert.notEqual(quantization!.metricChanges.click!.logLoss, 0)
})

test('the golden requests have the scores that the int8 graphs give, near those of float32', async () => {
  const { folder, manifest } = version
  const { inputs, scores, int8Scores } = manifest.golden
  assert.equal(int8Scores!.length, inputs.length)

  for (const bucket of buckets) {
    const scorer = await openGraphs({ ...manifest, buckets: [bucket] }, () =>
      openOnnxFile(join(folder, int8GraphFile(bucket)), { threads: 1 }),
    )
    for (const [i, input] of inputs.entries()) assert.deepEqual([...(await scorer.score(input))], int8Scores![i])
    await scorer.close()
  }
  const far = int8Scores!.flatMap((row, i) => row.map((score, at) => Math.abs(score - scores[i]![at]!)))
  const allowed = Object.values(manifest.quantization!.scoreChanges).map(({ most }) => most)
  assert.ok(far.some((difference) => difference > 0))
  far.forEach((difference, at) => void assert.ok(difference <= allowed[at % 2]! + 1e-6, `${at}: ${difference}`))
})

test('beyond its bounds int8 is refused: the version is published without, and the manifest says why', async () => {
  const bounds = { mostScoreChange: 0, mostMetricLoss: 0 }
  const { folder, manifest } = await written(trained, { bounds })

  assert.deepEqual(readdirSync(folder).sort(), readdirSync(plain.folder).sort())
  assert.deepEqual(manifest.files, plain.manifest.files)
  assert.equal(manifest.golden.int8Scores, undefined)
  assert.match(manifest.quantization!.refusals[0]!, /^click: a score changes by 0\.\d{4}, more than 0$/)
  assert.ok(manifest.quantization!.scoreChanges.click!.most > 0)
})

test('graphs that do not run here are a reason too', async () => {
  const { folder, manifest } = await written(trained, { open: () => Promise.reject(new Error('no such operator')) })

  assert.deepEqual(manifest.quantization!.refusals, ['its graphs do not run here: no such operator'])
  assert.deepEqual(readdirSync(folder).sort(), readdirSync(plain.folder).sort())
})

test('a network too small to gain has no int8 graphs, and says so', async () => {
  const { order, manifest } = await written(await trainedOn(100, rankerWith({ epochs: 1 })), {})

  assert.ok(!order.some((name) => name.includes('int8')))
  assert.deepEqual(manifest.quantization!.refusals, ['none of its multiplications is large enough to gain'])
})

test('writing again gives the same bytes of every file, measurements and all', async () => {
  const again = await written(await trainedOn(100, wide), {})

  for (const name of readdirSync(version.folder))
    assert.ok(again.bytesOf(name).equals(version.bytesOf(name)), `${name} differs`)
})
