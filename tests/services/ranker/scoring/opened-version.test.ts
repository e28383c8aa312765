import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { cpSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createRandom } from '../../../../models/engine/random.ts'
import { canonical } from '../../../../models/spec/definition-hash.ts'
import type { Candidate, RankingInput } from '../../../../models/spec/slate.ts'
import { type Manifest, manifestFile } from '../../../../pipelines/training/version.ts'
import { isGolden, type OpenedVersion, openVersion } from '../../../../services/ranker/scoring/opened-version.ts'
import { temporaryFolder } from '../../../flows/process.ts'
import { aCandidate, anInput, type SmallVersion, smallVersion } from '../small-version.ts'

let written: SmallVersion
let opened: OpenedVersion
before(async () => {
  written = await smallVersion()
  opened = await openVersion(written.folder, 1)
})
after(() => opened.close())

const tasks = 2
const copies = temporaryFolder()
let copied = 0
const copy = () => {
  const folder = join(copies, String(copied++))
  cpSync(written.folder, folder, { recursive: true })
  return folder
}
const files = () => [...written.manifest.files.map(({ name }) => name), manifestFile]
const flipByte = (file: string, at: number) => {
  const bytes = readFileSync(file)
  bytes[at]! ^= 1
  writeFileSync(file, bytes)
}
/** The folder's manifest changed, and named after its content as a version is. */
function changeManifest(folder: string, change: (manifest: Manifest) => Omit<Manifest, 'version'>): void {
  const { version: _, ...core } = { version: '', ...change(written.manifest) }
  const hash = createHash('sha256').update(canonical(core)).digest('hex')
  const version = `${core.definitionHash.slice(0, 8)}-${hash.slice(0, 8)}`
  writeFileSync(join(folder, manifestFile), JSON.stringify({ ...core, version }))
}
const refusal = (folder: string) =>
  openVersion(folder, 1).then(
    () => assert.fail('it opened'),
    ({ code, message, status, path }) => ({ code, message, status, path }),
  )

test('a version opens and gives its golden scores', async () => {
  const { golden } = written.manifest
  assert.ok(golden.inputs.length > 0)

  for (const [i, input] of golden.inputs.entries()) {
    const scores = await opened.score(input)
    assert.equal(scores.length, golden.scores[i]!.length)
    scores.forEach((score, at) => void assert.ok(Math.abs(score - golden.scores[i]![at]!) <= 1e-5))
  }
})

for (const [what, damage] of [
  ['with a byte flipped at its start', (file: string) => flipByte(file, 0)],
  ['with a byte flipped in its middle', (file: string) => flipByte(file, readFileSync(file).length >> 1)],
  ['with a byte flipped at its end', (file: string) => flipByte(file, readFileSync(file).length - 1)],
  ['cut short', (file: string) => truncateSync(file, readFileSync(file).length - 1)],
  ['that is empty', (file: string) => truncateSync(file, 0)],
  ['that is gone', (file: string) => rmSync(file)],
] as const) {
  test(`a file ${what} keeps its version from opening, and is named`, async () => {
    assert.equal(files().length, 6)
    for (const name of files()) {
      const folder = copy()
      damage(join(folder, name))

      const { code, message, status, path } = await refusal(folder)

      assert.deepEqual([code, status, path], ['VERSION_CORRUPT', 409, join(folder, name)])
      assert.ok(message.startsWith(`${name} of the version in ${folder} `), message)
    }
  })
}

test('a manifest whose content was changed, however little, is not that of its version', async () => {
  for (const change of [
    (text: string) => text.replace(/"shift": [^\n]*/, '"shift": 0.25'),
    (text: string) => text.replace('"hidden": 16', '"hidden": 32'),
    () => 'null',
    () => '{}',
  ]) {
    const folder = copy()
    const file = join(folder, manifestFile)
    const text = readFileSync(file, 'utf8')
    assert.notEqual(change(text), text)
    writeFileSync(file, change(text))

    assert.deepEqual((await refusal(folder)).path, file)
  }
})

test('a version that does not give the scores it was published with does not open', async () => {
  for (const scores of [
    (all: Manifest['golden']['scores']) => all.map((each) => each.map((score, i) => (i === 3 ? score + 1e-4 : score))),
    (all: Manifest['golden']['scores']) => all.map((each) => each.slice(1)),
  ]) {
    const folder = copy()
    changeManifest(folder, ({ golden, ...rest }) => ({ ...rest, golden: { ...golden, scores: scores(golden.scores) } }))

    const { code, status, path } = await refusal(folder)

    assert.deepEqual([code, status, path], ['VERSION_GOLDEN_MISMATCH', 409, folder])
  }
})

test('a graph that is not one, under a hash that is right, is refused as corrupt', async () => {
  const folder = copy()
  const [name, text] = ['ranker.64.onnx', 'not a graph']
  writeFileSync(join(folder, name), text)
  const sha256 = createHash('sha256').update(text).digest('hex')
  changeManifest(folder, ({ files: all, ...rest }) => ({
    ...rest,
    files: all.map((file) => (file.name === name ? { ...file, sha256 } : file)),
  }))

  assert.equal((await refusal(folder)).code, 'VERSION_CORRUPT')
})

test('a version whose golden slates are larger than its smallest graph opens', async () => {
  const large = await smallVersion(20)
  assert.equal(large.manifest.golden.inputs[0]!.candidates.length, 20)

  const version = await openVersion(large.folder, 1)

  assert.equal((await version.score(large.manifest.golden.inputs[0]!)).length, 20 * tasks)
  await version.close()
})

const random = createRandom(11)
const ofCandidate = (scores: Float32Array, i: number) => [...scores.subarray(i * tasks, (i + 1) * tasks)]
const close = (a: readonly number[], b: readonly number[]) =>
  a.forEach((value, i) => void assert.ok(Math.abs(value - b[i]!) <= 1e-6, `${value} and ${b[i]}`))
const withCandidates = (input: RankingInput, candidates: readonly Candidate[]) => ({ ...input, candidates })

test('scores do not depend, by a single bit, on the other candidates, their number or their order', async () => {
  const input = anInput(random, 16)
  const alone: Float32Array[] = []
  for (const candidate of input.candidates) alone.push(await opened.score(withCandidates(input, [candidate])))

  for (const size of [2, 3, 7, 15, 16]) {
    const from = 16 - size
    const scores = await opened.score(withCandidates(input, input.candidates.slice(from)))
    for (let i = 0; i < size; i++) assert.deepEqual(ofCandidate(scores, i), [...alone[from + i]!], `${i} of ${size}`)
  }
  const reversed = await opened.score(withCandidates(input, input.candidates.toReversed()))
  for (let i = 0; i < 16; i++) assert.deepEqual(ofCandidate(reversed, 15 - i), [...alone[i]!])
})

test('scores do not depend on what was scored before', async () => {
  const input = anInput(random, 5)
  const before = await opened.score(input)

  await opened.score(anInput(random, 16))
  await opened.score(anInput(random, 100))

  assert.deepEqual(await opened.score(input), before)
})

test('scores agree from one graph to the next, and beyond the largest', async () => {
  const input = anInput(random, 1)
  const candidates = Array.from({ length: 2_100 }, (_, i) => ({ ...aCandidate(random), itemId: `many${i}` }))
  const all = await opened.score(withCandidates(input, candidates))
  assert.equal(all.length, 2_100 * tasks)

  for (const size of [1, 16, 17, 64, 65, 256, 257, 1_024, 1_025]) {
    const from = 2_100 - size
    const some = await opened.score(withCandidates(input, candidates.slice(from)))
    assert.equal(some.length, size * tasks)
    for (let i = 0; i < size; i++) close(ofCandidate(some, i), ofCandidate(all, from + i))
  }
})

test('different requests and candidates get different scores', async () => {
  const scores = await opened.score(anInput(random, 16))
  const others = await opened.score(anInput(random, 16))

  assert.ok(new Set(scores).size > 16)
  assert.notDeepEqual(scores, others)
  assert.ok(scores.every((score, i) => Number.isFinite(score) && (i % tasks === 1 || (score > 0 && score < 1))))
})

test('a golden score may be off by its tolerance, and one beyond 1 by that share of it', () => {
  assert.equal(isGolden(0.5 + 9e-6, 0.5, 1e-5), true)
  assert.equal(isGolden(0.5 + 2e-5, 0.5, 1e-5), false)
  assert.equal(isGolden(30_000.01, 30_000, 1e-5), true)
  assert.equal(isGolden(30_001, 30_000, 1e-5), false)
  assert.equal(isGolden(Number.NaN, 0.5, 1e-5), false)
})
