import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import * as tf from '@tensorflow/tfjs-core'
import {
  addonPath,
  findPackage,
  knows,
  loadLibrary,
  openLibrary,
} from '../../../../models/engine/tensorflow/library.ts'
import { Fault } from '../../../../models/spec/fault.ts'
import { tensorflowMissing } from '../devices-here.ts'

const folders: string[] = []
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))))

/** A project with these files in its packages; returns a file in it. */
async function project(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'polyrank-library-'))
  folders.push(folder)
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, 'node_modules', path)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  return join(folder, 'main.js')
}
const [cpuPackage, gpuPackage] = ['@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu']
const faultOf = (file: string): Fault => {
  try {
    openLibrary(file)
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
  return assert.fail('it opened')
}

test('the package for GPUs is preferred to the one for processors', async () => {
  const both = await project({ [`${cpuPackage}/package.json`]: '{}', [`${gpuPackage}/package.json`]: '{}' })
  const one = await project({ [`${cpuPackage}/package.json`]: '{}' })

  assert.equal(findPackage(both)?.name, gpuPackage)
  assert.equal(findPackage(one)?.name, cpuPackage)
  assert.equal(findPackage(one)?.folder, join(dirname(one), 'node_modules', cpuPackage))
  assert.equal(findPackage(await project({})), undefined)
})

test('without a package, the fault says what installs it', async () => {
  const fault = faultOf(await project({}))

  assert.equal(fault.code, 'ENGINE_DEVICE_MISSING')
  assert.match(fault.message, /npm run setup:tensorflow/)
})

test('a package whose addon was never built, or is not one, is called broken, with the reason', async () => {
  const unbuilt = faultOf(await project({ [`${cpuPackage}/package.json`]: '{}' }))
  const file = await project({ [`${cpuPackage}/package.json`]: '{}', [`${cpuPackage}/${addonPath}`]: 'text' })
  const broken = faultOf(file)

  assert.equal(unbuilt.code, 'ENGINE_DEVICE_BROKEN')
  assert.match(
    unbuilt.message,
    /tfjs-node is installed but does not load \(Cannot find module.*\)\. `npm run setup:tensorflow -- --force/,
  )
  assert.equal(broken.code, 'ENGINE_DEVICE_BROKEN')
  assert.ok(broken.cause instanceof Error)
  assert.ok(broken.message.includes(broken.cause.message.split('\n')[0]!))
  assert.equal(broken.details.folder, join(dirname(file), 'node_modules', cpuPackage))
})

test('loading sets the threads that the environment leaves open', () => {
  const names = ['TF_NUM_INTRAOP_THREADS', 'TF_NUM_INTEROP_THREADS', 'OMP_NUM_THREADS']
  for (const name of names) delete process.env[name]
  process.env.TF_NUM_INTEROP_THREADS = '7'

  try {
    loadLibrary({ threads: 2 })
  } catch (error) {
    assert.ok(error instanceof Fault && error.code === 'ENGINE_DEVICE_MISSING')
  }

  assert.deepEqual(
    names.map((name) => process.env[name]),
    ['2', '7', '2'],
  )
})

test('the library multiplies, once loaded for the whole process', { skip: tensorflowMissing }, () => {
  const library = loadLibrary({ threads: 2 })
  const { binding, about } = library
  const row = binding.createTensor([1, 2], binding.TF_FLOAT, Float32Array.of(2, 3))
  const column = binding.createTensor([2, 1], binding.TF_FLOAT, Float32Array.of(10, 100))
  const attributes = [{ name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT }]
  const [product] = binding.executeOp('MatMul', attributes, [row, column], 1)

  assert.deepEqual(binding.tensorDataSync(product!.id), Float32Array.of(320))
  assert.match(about.runtime, /^TensorFlow \d+\.\d+\.\d+/)
  assert.equal(loadLibrary({ threads: 1 }), library)
})

test('loading the library registers no backend of TensorFlow.js', { skip: tensorflowMissing }, () => {
  loadLibrary({ threads: 2 })

  assert.equal(tf.findBackendFactory('tensorflow'), null)
})

test('an operation that the library does not know is told from one called wrongly', () => {
  const complains = (message: string) => ({
    executeOp: () => {
      throw new Error(message)
    },
  })

  const unknown =
    "Op type not registered 'X' in binary. Make sure the Op and Kernel are registered in the binary running."
  assert.equal(knows(complains(unknown), 'X'), false)
  assert.equal(knows(complains("No attr named 'T' in NodeDef"), 'X'), true)
  assert.equal(knows({ executeOp: () => [] }, 'X'), true)
})

test('the installed library knows its operations, and a build without XLA says so', { skip: tensorflowMissing }, () => {
  const { binding, hasXla, about } = loadLibrary({ threads: 2 })

  assert.equal(knows(binding, 'MatMul'), true)
  assert.equal(knows(binding, 'NoSuchOperation'), false)
  assert.equal(
    about.notes.some((note) => note.includes('no XLA')),
    !hasXla,
  )
})
