import assert from 'node:assert/strict'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { cpu } from '../../../../models/engine/cpu.ts'
import { createRandom } from '../../../../models/engine/random.ts'
import { type Manifest, manifestFile, versionOf } from '../../../../pipelines/training/version.ts'
import { openVersion } from '../../../../services/ranker/scoring/opened-version.ts'
import { temporaryFolder } from '../../../flows/process.ts'
import { anInput, type SmallVersion, smallVersion, wideRanker } from '../small-version.ts'

const generous = { mostScoreChange: 1, mostMetricLoss: 1 }
const tasks = wideRanker.tasks.length
let int8: SmallVersion
before(async () => {
  int8 = await smallVersion(5, wideRanker, generous)
  assert.ok(int8.manifest.golden.int8Scores !== undefined, int8.manifest.quantization!.refusals.join())
})

/** A copy of the version whose manifest is changed, and named after its content as a version is. */
function changed(change: (manifest: Manifest) => Omit<Manifest, 'version'>): string {
  const folder = join(temporaryFolder(), 'version')
  cpSync(int8.folder, folder, { recursive: true })
  const { version: _, ...core } = { version: '', ...change(int8.manifest) }
  const text = JSON.parse(JSON.stringify(core)) as Omit<Manifest, 'version'>
  writeFileSync(join(folder, manifestFile), JSON.stringify({ ...text, version: versionOf(text) }))
  return folder
}

test('the same version scores in int8 where that is asked for, else in float32', async () => {
  const [exact, quantized] = [
    await openVersion(int8.folder, 1),
    await openVersion(int8.folder, 1, { precision: 'int8' }),
  ]
  const input = anInput(createRandom(4), 30)

  const scores = [await exact.score(input), await quantized.score(input)] as const

  assert.deepEqual([exact.precision, exact.notes, quantized.precision, quantized.notes], ['float32', [], 'int8', []])
  assert.notDeepEqual(scores[0], scores[1])
  scores[0].forEach((score, i) => {
    assert.ok(Math.abs(score - scores[1][i]!) < 0.1, `${score} and ${scores[1][i]}`)
  })
  await exact.close()
  await quantized.close()
})

test('a version without int8 graphs scores in float32, and says so and why', async () => {
  const refused = await smallVersion(5, wideRanker, { mostScoreChange: 0, mostMetricLoss: 1 })
  for (const [{ folder, manifest }, why] of [
    [refused, /, not in int8: click: a score changes by .*, more than 0; watch: .*\.$/],
    [await smallVersion(), /, not in int8: it was trained before int8 was asked for; train again\.$/],
  ] as const) {
    const opened = await openVersion(folder, 1, { precision: 'int8' })

    assert.deepEqual([opened.precision, opened.notes.length], ['float32', 1])
    assert.match(opened.notes[0]!, new RegExp(`^Version ${manifest.version} is served in float32${why.source}`))
    await opened.close()
  }
})

test('another device scores in float32, and says so', async () => {
  // By its name alone it is another.
  const opened = await openVersion(int8.folder, 1, { device: { ...cpu, name: 'tensorflow' }, precision: 'int8' })

  assert.equal(opened.precision, 'float32')
  assert.match(opened.notes.join(), /is served in float32, not in int8: the device tensorflow has no int8\.$/)
  await opened.close()
})

test('int8 scores do not depend, by a single bit, on the other candidates', async () => {
  const { score, close } = await openVersion(int8.folder, 1, { precision: 'int8' })
  const input = anInput(createRandom(5), 16)
  const all = await score(input)

  for (const [from, to] of [
    [3, 4],
    [9, 16],
    [1, 13],
  ] as const) {
    const some = await score({ ...input, candidates: input.candidates.slice(from, to) })
    assert.deepEqual(some, all.slice(from * tasks, to * tasks))
  }
  await close()
})

test('int8 scores agree from one graph to the next', async () => {
  const { score, close } = await openVersion(int8.folder, 1, { precision: 'int8' })
  const input = anInput(createRandom(6), 1_100)
  const all = await score(input)

  const allowed = Object.values(int8.manifest.quantization!.scoreChanges).map(({ most }) => most + 1e-5)
  for (const size of [16, 64, 256, 1_024]) {
    const some = await score({ ...input, candidates: input.candidates.slice(0, size) })
    some.forEach((value, i) => void assert.ok(Math.abs(value - all[i]!) <= allowed[i % tasks]!, `${i} of ${size}`))
  }
  await close()
})

test('an int8 graph that gives other scores than it was published with does not open; float32 still does', async () => {
  const folder = changed(({ golden, quantization, ...rest }) => ({
    ...rest,
    quantization: { ...quantization!, scoreChanges: { click: { most: 1e-4, mean: 0 }, watch: { most: 9, mean: 0 } } },
    golden: {
      ...golden,
      // The click of the second candidate.
      int8Scores: golden.int8Scores!.map((row) => row.map((score, i) => (i === tasks ? score + 2e-4 : score))),
    },
  }))

  await assert.rejects(openVersion(folder, 1, { precision: 'int8' }), { code: 'VERSION_GOLDEN_MISMATCH', path: folder })
  await (await openVersion(folder, 1)).close()
})

test('golden int8 scores may be off by what quantising itself changes, task by task', async () => {
  const folder = changed(({ golden, quantization, ...rest }) => ({
    ...rest,
    quantization: { ...quantization!, scoreChanges: { click: { most: 0.3, mean: 0 }, watch: { most: 0, mean: 0 } } },
    golden: {
      ...golden,
      int8Scores: golden.int8Scores!.map((row) => row.map((score, i) => (i % tasks === 0 ? score + 0.25 : score))),
    },
  }))

  await (await openVersion(folder, 1, { precision: 'int8' })).close()
})

test('a broken int8 file keeps the version from opening in any precision', async () => {
  const folder = changed(({ version: _, ...rest }) => rest)
  const file = join(folder, 'ranker.64.int8.onnx')
  const bytes = readFileSync(file)
  bytes[bytes.length >> 1]! ^= 1
  writeFileSync(file, bytes)

  for (const precision of ['float32', 'int8'] as const)
    await assert.rejects(openVersion(folder, 1, { precision }), { code: 'VERSION_CORRUPT', path: file })
})
