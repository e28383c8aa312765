import type { SlateExamples } from '../../models/spec/slate.ts'

export interface ExampleRange {
  /** Event time, ms: from <= occurredAt < to. */
  readonly fromMs: number
  readonly toMs: number
  readonly impressions: number
}

/** Examples of one ranker, as joined. */
export interface ExampleSource {
  /** The whole range there is; null where there is none. */
  range(ranker: string): Promise<ExampleRange | null>
  /** In order of (occurredAt, slateId), in pages; memory MUST NOT grow with the range. */
  read(
    ranker: string,
    range: { readonly fromMs: number; readonly toMs: number },
  ): AsyncIterable<readonly SlateExamples[]>
}

/** How far a training has come; written often enough to watch, seldom enough not to cost. */
export interface TrainingProgress {
  readonly stage: 'reading' | 'encoding' | 'training' | 'evaluating' | 'writing'
  readonly done: number
  readonly of: number
  /** For a person: `epoch 3, validation normalised entropy 0.8123`. */
  readonly note?: string
}
export type ReportProgress = (progress: TrainingProgress) => void
