import * as ort from 'onnxruntime-node'
import type { TensorSpec, TypedArray } from '../program.ts'

export const sessionOptions = (threads: number): ort.InferenceSession.SessionOptions => ({
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
})

export const toTensor = ({ shape, dtype }: TensorSpec, data: TypedArray): ort.Tensor =>
  new ort.Tensor(dtype, data as Float32Array, shape)
