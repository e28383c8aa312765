import type { NamedTensor } from '../../../models/engine/safetensors.ts'
import type { FitOptions, TrainedWeights } from '../../../pipelines/training/fit.ts'
import type { OlderVersion } from '../../../pipelines/training/warm-start.ts'

/** A version of these weights, as training starts from it. */
export function olderOf(
  { definition, network }: Pick<FitOptions, 'definition' | 'network'>,
  { dense, deep, wide }: TrainedWeights,
): OlderVersion {
  const { tableRows } = network.layout
  const tensors: NamedTensor[] = [
    ...network.parameters.parameters.map(({ name, shape, offset, size }) => ({
      ...{ name, shape, data: dense.subarray(offset, offset + size) },
    })),
    { name: 'table.deep', shape: [tableRows, definition.trunk.dimension], data: deep },
    { name: 'table.wide', shape: [tableRows, definition.tasks.length], data: wide },
  ]
  return { version: 'older', definition, tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])) }
}
