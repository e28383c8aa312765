import { createHash } from 'node:crypto'
import type { Network } from '../../models/architectures/network.ts'
import type { Device, Precision } from '../../models/engine/device.ts'
import { canonical } from '../../models/spec/definition-hash.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { Statistics } from '../../models/spec/statistics.ts'
import type { EncodedExamples } from './encoded-examples.ts'

/** All that decides what a training learns, each as a text to compare. */
export interface TrainingRun {
  readonly definition: string
  readonly examples: string
  readonly device: string
  /** The version that it starts from, or nothing. */
  readonly start: string
}

export interface RunContent {
  readonly definition: RankerDefinition
  readonly statistics: Statistics
  readonly network: Network
  readonly examples: EncodedExamples
  readonly device: Device
  readonly threads: number
  readonly precision: Precision
  readonly startsFrom: string | null
}

export function trainingRun(content: RunContent): TrainingRun {
  const { definition, statistics, network, examples, device, threads, precision, startsFrom } = content
  const { request, candidate, labels, known } = examples
  const sides = [request, candidate].flatMap(({ rows, weights, numbers, present }) => [rows, weights, numbers, present])
  const { runtime, hardware } = device.about
  return {
    definition: hashOf(canonical([definition, network.parameters.parameters])),
    examples: hashOf(canonical(statistics), ...sides, labels, known),
    device: `${device.name}, ${runtime} on ${hardware}, ${threads} threads, ${precision}`,
    start: startsFrom ?? 'nothing',
  }
}

/** Which of them differ: `the examples`, `the definition and the device`; null where none does. */
export function difference(one: TrainingRun, other: TrainingRun): string | null {
  const names = (['definition', 'examples', 'device', 'start'] as const).filter((name) => one[name] !== other[name])
  return names.length === 0 ? null : names.map((name) => `the ${name}`).join(' and ')
}

function hashOf(...parts: readonly (string | Float32Array | Int32Array)[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}
