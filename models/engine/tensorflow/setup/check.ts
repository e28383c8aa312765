/** Loads TensorFlow, multiplies two matrices with it, and prints what it is as JSON. Setup runs it in a process of its own. */
import { availableParallelism } from 'node:os'
import { type Library, loadLibrary } from '../library.ts'

export interface CheckResult {
  readonly about: Library['about']
  readonly xla: boolean
  readonly gpu: boolean
}

const { binding, about, hasXla, onGpu } = loadLibrary({ threads: availableParallelism() })
const matrix = binding.createTensor([2, 2], binding.TF_FLOAT, Float32Array.of(1, 2, 3, 4))
const attributes = [
  { name: 'T', type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT },
  { name: 'transpose_a', type: binding.TF_ATTR_BOOL, value: false },
  { name: 'transpose_b', type: binding.TF_ATTR_BOOL, value: false },
]
const [product] = binding.executeOp('MatMul', attributes, [matrix, matrix], 1)
const values = [...binding.tensorDataSync(product!.id)]
if (values.join() !== '7,10,15,22') throw new Error(`It multiplied [[1,2],[3,4]] by itself to ${values.join()}.`)
const result: CheckResult = { about, xla: hasXla, gpu: onGpu }
console.log(JSON.stringify(result))
