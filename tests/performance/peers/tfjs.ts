/**
 * TensorFlow.js itself, eager, on its WebAssembly backend: the loss and the optimizer that polyrank records, and the
 * model in the form that is faster here. The gradients are the engine's, as TensorFlow.js's own cannot be imported in
 * Node without a bundler; they call the same ops.
 */
import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs-core'
import '../../../models/engine/gradients/register.ts'
import { sizeOf } from '../../../models/engine/kernels/kernel.ts'
import { createDraws } from '../draws.ts'
import { drawBatch, drawParameters, sizes } from '../experts-model.ts'
import { plainLogitsOf } from '../experts-plain.ts'
import { trainingState, trainOnce } from '../experts-training.ts'
import { readOptions, serveRounds, timeSteps } from './protocol.ts'

const { threads, seconds, rows } = readOptions()
const wasmFile = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')
setWasmPaths(`${dirname(wasmFile)}${sep}`)
setThreadsCount(threads)
await tf.setBackend('wasm')

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
  const { loss, state: next } = tf.tidy(() => trainOnce(inputs, before, plainLogitsOf))
  tf.dispose(before)
  state = next
  const [value] = loss.dataSync()
  loss.dispose()
  return value!
}
const check = [step(), step(), step()]
await serveRounds({ version: `TensorFlow.js ${tf.version_core}`, check }, () => timeSteps(step, seconds))
// The backend's threads would keep the process alive.
process.exit(0)
