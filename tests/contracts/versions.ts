import { definitionHash } from '../../models/spec/definition-hash.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { ModelVersion } from '../../pipelines/promotion/ports.ts'
import { smallRanker } from '../flows/small-world.ts'
import { startMs } from './sent.ts'

/** A version of a small ranker, with whatever `changes`. */
export function versionOf(
  version: string,
  changes: Partial<ModelVersion> = {},
  definition: RankerDefinition = smallRanker,
): ModelVersion {
  return {
    version,
    ranker: definition.name,
    definitionHash: definitionHash(definition),
    definition,
    parent: null,
    metrics: { click: { auc: 0.75, logLoss: 0.1234567890123 } },
    trainedFromMs: startMs,
    trainedToMs: startMs + 1_000,
    examples: 12,
    files: [{ name: 'weights.safetensors', sha256: 'ab'.repeat(32), sizeBytes: 5 }],
    readAtMs: startMs + 2_000,
    createdAtMs: startMs + 3_000,
    ...changes,
  }
}
