import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { Quantization } from '../training/quantization.ts'

export interface VersionFile {
  readonly name: string
  /** Hex. */
  readonly sha256: string
  readonly sizeBytes: number
}

export interface ModelVersion {
  /** `<first 8 of the definition hash>-<first 8 of the content hash>` */
  readonly version: string
  readonly ranker: string
  readonly definitionHash: string
  readonly definition: RankerDefinition
  readonly parent: string | null
  /** The version whose weights it began with; left out where they were new. */
  readonly startedFrom?: string
  /** When a user was erased whom it, or one that it started from, may have learnt; the registry says so, nobody else. */
  readonly learntErasedAtMs?: number
  /** As in the manifest: per task, per metric. */
  readonly metrics: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** As in the manifest, where int8 was asked for. */
  readonly quantization?: Quantization
  readonly trainedFromMs: number
  readonly trainedToMs: number
  readonly examples: number
  readonly files: readonly VersionFile[]
  /** When its training began to read examples; events that came later are not in it. */
  readonly readAtMs: number
  readonly createdAtMs: number
}

export interface Activation {
  readonly ranker: string
  readonly version: string
  readonly reason: string
  readonly activatedAtMs: number
}

/** Versions are immutable; an activation is an appended row, and a rollback is another. */
export interface VersionRegistry {
  /** Publishing the same version twice is one version. */
  publish(version: ModelVersion): Promise<void>
  find(version: string): Promise<ModelVersion | null>
  list(ranker: string): Promise<readonly ModelVersion[]>
  activate(activation: Activation): Promise<void>
  active(ranker: string): Promise<Activation | null>
}

/** Immutable bytes by content hash. */
export interface BlobStore {
  /** Stores a file; returns its sha256 (hex) and size. A crash in the middle MUST NOT leave a readable partial blob. */
  put(file: string): Promise<{ readonly sha256: string; readonly sizeBytes: number }>
  /** Makes the blob readable at `target` (link or copy), verified. Fault `BLOB_MISSING` or `BLOB_CORRUPT`. */
  fetch(sha256: string, target: string): Promise<void>
}
