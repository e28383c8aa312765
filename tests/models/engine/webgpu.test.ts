import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import * as ort from 'onnxruntime-node'
import { createNetwork } from '../../../models/architectures/network.ts'
import { cpu } from '../../../models/engine/cpu.ts'
import type { Device, Session } from '../../../models/engine/device.ts'
import { findDevice } from '../../../models/engine/devices.ts'
import { stateInput, toGraph } from '../../../models/engine/onnx/lower.ts'
import { encodeModel } from '../../../models/engine/onnx/schema.ts'
import { toTensor } from '../../../models/engine/onnx/session.ts'
import { optimize } from '../../../models/engine/optimize.ts'
import type { Program, TensorSpec, TypedArray } from '../../../models/engine/program.ts'
import { createRandom } from '../../../models/engine/random.ts'
import { record } from '../../../models/engine/record.ts'
import { emptyLike } from '../../../models/engine/state.ts'
import { webgpuLowerings } from '../../../models/engine/webgpu/lowerings.ts'
import { trainingStep } from '../../../models/objectives/training-step.ts'
import { wholeRanker, wholeStatistics } from '../architectures/whole-ranker.ts'
import { testDevice } from './device-contract.ts'
import { bitsOf, randomFeeds } from './run-step.ts'
import { holdShaders, onAdapter } from './webgpu/on-adapter.ts'

type Named = Readonly<Record<string, TypedArray>>
const [whole, grid]: TensorSpec[] = [
  { shape: [2, 2, 2], dtype: 'int32' },
  { shape: [2, 2, 2], dtype: 'float32' },
]

test('without an adapter there is no device, and the process goes on', { skip: process.platform !== 'linux' }, () => {
  const script = `
    import { findDevice } from '${new URL('../../../models/engine/devices.ts', import.meta.url).href}'
    const cause = await findDevice('webgpu').catch((cause) => cause)
    console.log(cause.code, cause.message)`
  const env = { ...process.env, VK_DRIVER_FILES: '/nowhere.json', VK_ICD_FILENAMES: '/nowhere.json' }

  const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], { env })

  assert.match(child.stdout.toString(), /^ENGINE_DEVICE_MISSING .*(?:libvulkan1|no WebGPU provider).* another device/)
  assert.equal(child.status, 0)
})

/** A training step of a multi-gate mixture of experts: forward, backward, Adam. */
function experts() {
  const definition = wholeRanker({
    training: { batchSize: 4 },
    architecture: { kind: 'mmoe', experts: 2, hidden: 6, tower: 4 },
  })
  const network = createNetwork(definition, wholeStatistics)
  const weights = network.parameters.initialize(createRandom(1))
  return { program: record(trainingStep(definition, network, 100)), state: { weights, average: weights } }
}

/** The same random batches for the same seed; labels and masks within 0 and 1. */
function batchOf(program: Program, seed: number): Named {
  const feeds = randomFeeds(program, createRandom(seed))
  const within = (values: TypedArray) => values.map((value) => 1 / (1 + Math.exp(-value)))
  return Object.fromEntries(
    Object.entries(feeds).map(([name, values]) => [
      name,
      /labels|known|mask|weights/.test(name) ? within(values) : values,
    ]),
  )
}

/** Steps `from` to `to`; the outputs of each. */
async function train(session: Session, program: Program, from: number, to: number): Promise<Named[]> {
  const outputs: Named[] = []
  for (let i = from; i < to; i++) outputs.push(structuredClone(await session.run(batchOf(program, i))))
  return outputs
}

function assertNear(found: Named, expected: Named): void {
  for (const [name, values] of Object.entries(expected)) {
    const norm = Math.hypot(...values)
    const out = Math.hypot(...values.map((value, i) => found[name]![i]! - value))
    assert.ok(out <= 1e-4 * norm, `${name} is out by ${out} of ${norm}`)
  }
}

/** What ran each node, by ONNX Runtime's own profile of one run. */
async function profile(program: Program, feeds: Named): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'polyrank-profile-'))
  try {
    const native = await ort.InferenceSession.create(encodeModel(toGraph(optimize(program), {}, webgpuLowerings)), {
      executionProviders: ['webgpu'],
      enableProfiling: true,
      profileFilePrefix: join(folder, 'profile'),
    })
    const specs = program.state.map(({ name, from }) => [stateInput(name), program.values[from]!] as const)
    await native.run({
      ...Object.fromEntries(
        program.inputs.map(({ name, value }) => [name, toTensor(program.values[value]!, feeds[name]!)]),
      ),
      ...Object.fromEntries(specs.map(([name, spec]) => [name, toTensor(spec, emptyLike(spec))])),
    })
    native.endProfiling()
    await native.release()
    const [file] = await readdir(folder)
    const events: { cat: string; name: string; args: { provider?: string } }[] = JSON.parse(
      await readFile(join(folder, file!), 'utf8'),
    )
    return events.flatMap(({ cat, name, args }) =>
      cat === 'Node' && name.endsWith('_kernel_time') ? [args.provider ?? 'unknown'] : [],
    )
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A hand-written program of one node per line. */
const multiplying = (specs: readonly TensorSpec[]): Program => ({
  values: specs.flatMap((spec) => [spec, spec]),
  nodes: specs.map((_, i) => ({
    kernel: 'BatchMatMul',
    inputs: [2 * i, 2 * i],
    outputs: [2 * i + 1],
    attributes: { transposeA: false, transposeB: false },
    line: `model.ts:${i + 1}`,
  })),
  constants: new Map(),
  inputs: specs.map((_, i) => ({ name: `x${i}`, value: 2 * i })),
  outputs: specs.map((_, i) => ({ name: `y${i}`, value: 2 * i + 1 })),
  state: [],
})

onAdapter((device: Device) => {
  holdShaders(device)
  testDevice(device)

  test('webgpu: all nodes of a training step run on the adapter, and training goes as on the processor', async () => {
    const { program, state } = experts()
    const [session, oracle] = [
      await device.open(program, { threads: 1, state }),
      await cpu.open(program, { threads: 1, state }),
    ]

    const [found, expected] = [await train(session, program, 0, 6), await train(oracle, program, 0, 6)]

    expected.forEach((outputs, i) => void assertNear(found[i]!, outputs))
    assertNear(await session.readState(), await oracle.readState())
    const providers = await profile(program, batchOf(program, 0))
    assert.deepEqual([...new Set(providers)], ['WebGpuExecutionProvider'])
    assert.deepEqual(Object.keys(session.placement!), ['webgpu'])
    assert.ok(providers.length > 200 && providers.length <= session.placement!.webgpu!, `${providers.length} nodes`)

    // From here on, with its shaders compiled: a session from the bytes of a state goes on as one that never stopped.
    const halfway = await session.readState()
    const restarted = await device.open(program, { threads: 1, state: halfway })
    assert.deepEqual(await train(restarted, program, 6, 9), await train(session, program, 6, 9))
    const [left, right] = [await restarted.readState(), await session.readState()]
    for (const [name, values] of Object.entries(left)) assert.deepEqual(bitsOf(values), bitsOf(right[name]!), name)
    for (const each of [session, oracle, restarted]) await each.close()
  })

  test('webgpu: a closed session is closed once and for all', async () => {
    const program = record({
      inputs: {},
      state: { n: { shape: [2], dtype: 'float32' } },
      run: (_, { n }) => ({ outputs: {}, state: { n: tf.add(n!, 1) } }),
    })
    const session = await device.open(program, { threads: 1 })
    await session.run({})

    await session.close()
    await session.close()

    await assert.rejects(session.run({}), { code: 'ENGINE_SESSION_CLOSED' })
    await assert.rejects(session.readState(), { code: 'ENGINE_SESSION_CLOSED' })
  })

  test('webgpu: nodes that the adapter does not run are refused with kernel, types and line, and only they', async () => {
    await assert.rejects(device.open(multiplying([whole!, grid!, whole!]), { threads: 1 }), {
      code: 'ENGINE_NODE_NOT_ON_DEVICE',
      message:
        /BatchMatMul of int32 \[2,2,2\], int32 \[2,2,2\], used at model\.ts:1; [^;]*used at model\.ts:3\. .*another device/,
    })
    const session = await device.open(multiplying([grid!]), { threads: 1 })
    assert.deepEqual((await session.run({ x0: new Float32Array(8).fill(1) })).y0, new Float32Array(8).fill(2))
    await session.close()
  })

  test('webgpu: only float32 is multiplied in', async () => {
    await assert.rejects(device.open(multiplying([grid!]), { threads: 1, precision: 'bfloat16' }), {
      code: 'ENGINE_PRECISION_UNSUPPORTED',
    })
  })

  test('webgpu: the device says what it is made of', async () => {
    const { name, about } = await findDevice('webgpu')

    assert.equal(name, 'webgpu')
    assert.match(about.runtime, /^ONNX Runtime \d.*WebGPU/)
    assert.match(about.hardware, /driver lib|Metal|Direct3D/)
    assert.equal(
      about.notes.some((note) => note.startsWith('A software driver')),
      /swiftshader|lvp/.test(about.hardware),
    )
  })
})
