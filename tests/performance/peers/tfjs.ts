/**
 * TensorFlow.js itself, eager: the loss and the optimizer that polyrank records, on the backend of `--device`. On
 * `wasm` the gradients are the engine's, as TensorFlow.js's own cannot be imported in Node without a bundler; they call the
 * same ops.
 */
import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { sizeOf } from '../../../models/engine/kernels/kernel.ts'
import { createDraws } from '../workloads/draws.ts'
import { drawBatch, drawParameters, logitsOf, sizes } from '../workloads/experts-model.ts'
import { plainLogitsOf } from '../workloads/experts-plain.ts'
import { trainingState, trainOnce } from '../workloads/experts-training.ts'
import { timeSteps } from '../workloads/workload.ts'
import { readOptions, sayMissing, serveRounds } from './protocol.ts'

const require = createRequire(import.meta.url)

async function loadWasm(threads: number): Promise<string> {
  const { setThreadsCount, setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
  await import('../../../models/engine/gradients/register.ts')
  setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}${sep}`)
  setThreadsCount(threads)
  return `TensorFlow.js ${tf.version_core}`
}

/** Null where no such package is installed. It brings its own gradients and its backend to the TensorFlow.js in use. */
function loadTensorflow(): string | null {
  // Functions of Node that it calls, and that Node 23 removed.
  const util: Record<string, unknown> = require('node:util')
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined
  util.isArray ??= Array.isArray
  for (const name of ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node']) {
    try {
      require(name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') continue
      throw error
    }
    const { binding } = tf.backend() as tf.KernelBackend & { readonly binding: { readonly TF_Version: string } }
    return `TensorFlow.js ${tf.version_core} on TensorFlow ${binding.TF_Version}`
  }
  return null
}

async function main(): Promise<void> {
  const { device: backend, form, threads, seconds, rows } = readOptions()
  const version = backend === 'wasm' ? await loadWasm(threads) : loadTensorflow()
  if (version === null) return sayMissing('TensorFlow is not installed; `npm run setup:tensorflow` installs it')
  await tf.setBackend(backend)

  const draws = createDraws()
  const weights = drawParameters(draws)
  const batch = drawBatch(draws, rows)
  const inputs = {
    features: tf.tensor2d(batch.features, [rows, sizes.inputs]),
    labels: tf.tensor2d(batch.labels, [rows, sizes.tasks]),
  }
  let state: Record<string, tf.Tensor> = Object.fromEntries(
    Object.entries(trainingState).map(([name, { shape }]) => {
      return [name, tf.tensor(name === 'weights' ? weights : new Float32Array(sizeOf(shape)), [...shape])]
    }),
  )
  const step = () => {
    const before = state
    const { loss, state: next } = tf.tidy(() => trainOnce(inputs, before, form === 'plain' ? plainLogitsOf : logitsOf))
    tf.dispose(before)
    state = next
    const [value] = loss.dataSync()
    loss.dispose()
    return value!
  }
  const check = [step(), step(), step()]
  await serveRounds({ version, check }, () => timeSteps(step, seconds))
}

await main()
// Threads of the backend would keep the process alive.
process.exit(0)
