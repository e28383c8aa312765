import type { DeviceChoice, ServingPrecision } from '../../../models/spec/engine-settings.ts'
import type { RankingInput } from '../../../models/spec/slate.ts'

/** What versions are scored on. */
export interface ScoringEngine {
  readonly device: DeviceChoice
  readonly precision: ServingPrecision
  /** Threads that one run may use. */
  readonly threads: number
  /** Remembers what `auto` found. */
  readonly dataFolder: string
}

/** To the scoring thread. A folder holds one version; `id` ties an answer to its question. */
export type ScoringRequest =
  | { readonly id: number; readonly kind: 'open'; readonly folder: string; readonly engine: ScoringEngine }
  | { readonly id: number; readonly kind: 'score'; readonly folder: string; readonly input: RankingInput }
  | { readonly id: number; readonly kind: 'close'; readonly folder: string }

export type ScoringReply =
  | { readonly id: number; readonly scores: Float32Array | null }
  | { readonly id: number; readonly fault: PlainFault }
  /** For the log. */
  | { readonly said: string }

/** A fault as it crosses threads. */
export interface PlainFault {
  readonly code: string
  readonly message: string
  readonly path: string | undefined
  readonly status: number
  readonly retry: boolean
}
