import type { NamedTensor } from '../../../models/engine/safetensors.ts'
import type { StoredCheckpoint } from '../../../pipelines/training/checkpoint.ts'

const size = 500_000
const tensor = (name: string, data: Float32Array): NamedTensor => ({ name, shape: [data.length], data })

/** A checkpoint of some megabytes whose every number says its step. */
export const checkpointOf = (step: number): StoredCheckpoint => ({
  facts: {
    formatVersion: 1,
    run: { definition: 'd', examples: 'e', device: 'cpu', start: 'nothing' },
    read: { fromMs: 0, toMs: 9, impressions: 3, watermarkMs: 9, readAtMs: 5 },
    fit: 'learning',
    chosen: { epochs: 2, entropy: null, calibration: [{ scale: 0.1, shift: -3 }], tried: 3 },
    step,
    masks: [-1, 2, 3, 4],
  },
  tensors: [
    ...Array.from({ length: 4 }, (_, i) => tensor(`dense.${i}`, new Float32Array(size).fill(step))),
    tensor('deep.rows', new Float32Array(0)),
  ],
})
