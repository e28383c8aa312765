import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { cpu } from '../../../../models/engine/cpu.ts'
import type { Device, SessionOptions } from '../../../../models/engine/device.ts'
import type { Program } from '../../../../models/engine/program.ts'
import { createRandom } from '../../../../models/engine/random.ts'
import { createEncoder, emptyBatch } from '../../../../models/spec/encoder.ts'
import { openGraph } from '../../../../services/ranker/scoring/open-graph.ts'
import { anInput, type SmallVersion, smallVersion } from '../small-version.ts'

const bucket = 16

let version: SmallVersion
before(async () => {
  version = await smallVersion()
})

/** The processor, as a device that reads no graph files, with what it was asked to open. */
function otherDevice(name: 'tensorflow' | 'webgpu') {
  const asked: { readonly program: Program; readonly options: SessionOptions }[] = []
  const device: Device = {
    ...cpu,
    name,
    open(program, options) {
      asked.push({ program, options })
      return cpu.open(program, options)
    },
  }
  return { device, asked }
}

function someFeeds(seed: number): Record<string, Float32Array | Int32Array> {
  const { definition, statistics } = version.manifest
  const encoder = createEncoder(definition, statistics)
  const batch = emptyBatch(encoder.layout, { requests: 1, candidates: bucket })
  encoder.encode([anInput(createRandom(seed), bucket)], batch)
  return Object.fromEntries(
    (['request', 'candidate'] as const).flatMap((side) =>
      (['rows', 'weights', 'numbers', 'present'] as const).map((part) => [`${side}.${part}`, batch[side][part]]),
    ),
  )
}

test('other devices give the scores of the graph file, request after request', async () => {
  const { folder, manifest } = version
  const file = await openGraph(folder, manifest, bucket, cpu, 1)
  for (const name of ['tensorflow', 'webgpu'] as const) {
    const { device, asked } = otherDevice(name)
    const program = await openGraph(folder, manifest, bucket, device, 3)

    for (const seed of [1, 2, 3]) {
      const [wanted, given] = [await file.run(someFeeds(seed)), await program.run(someFeeds(seed))]
      assert.equal(given.scores!.length, bucket * manifest.definition.tasks.length)
      given.scores!.forEach((score, i) => {
        assert.ok(Math.abs(score - wanted.scores![i]!) < 1e-6, `${name}, request ${seed}: ${i}`)
      })
    }

    assert.deepEqual(
      asked.map(({ options }) => options.threads),
      [3],
    )
    await program.close()
  }
  await file.close()
})

test('TensorFlow has the weights of the version as variables, which scoring does not change', async () => {
  const { folder, manifest, weights } = version
  const { device } = otherDevice('tensorflow')
  const program = await openGraph(folder, manifest, bucket, device, 1)

  await program.run(someFeeds(1))

  const state = await program.readState()
  assert.deepEqual(state['table.deep'], weights.deep)
  assert.deepEqual(state['table.wide'], weights.wide)
  await program.close()
})

test('WebGPU has them inside its graph, where no run copies them', async () => {
  const { folder, manifest } = version
  const { device, asked } = otherDevice('webgpu')

  await (await openGraph(folder, manifest, bucket, device, 1)).close()

  assert.deepEqual([asked[0]!.program.state, asked[0]!.options.state], [[], undefined])
})
