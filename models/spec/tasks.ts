/** What a model predicts. A task is one entry of this list; adding one changes nothing else. */

/**
 * How feedback on an impression becomes its label.
 * `happened`: 1 where feedback of this kind came, else 0. `atLeast`: 1 where its value reached `value`, else 0.
 * `value`: the value itself, the largest of several (or log(1 + value), below 0 read as 0); 0 where no feedback came.
 * What lies above `most` counts as that, so that one mistaken event cannot upset a whole training.
 */
export type LabelRule =
  | { readonly rule: 'happened'; readonly kind: string }
  | { readonly rule: 'atLeast'; readonly kind: string; readonly value: number }
  | { readonly rule: 'value'; readonly kind: string; readonly transform?: 'log'; readonly most?: number }

export interface TaskSpec {
  readonly name: string
  readonly label: LabelRule
  /** How long after the impression feedback still counts, ms. The label is masked until this has passed. */
  readonly windowMs: number
  /** Sample space: the task is defined only where this other task's label is positive (default: everywhere). */
  readonly given?: string
  /** Weight of the task's loss in training (default 1; 0 or more). */
  readonly lossWeight?: number
  /** Weight of the task's score in the blended order (default 0; a request's `objective` overrides it). */
  readonly scoreWeight?: number
}

/** `binary`: cross-entropy on logits, scores are probabilities. `value`: squared error, scores are values. */
export type TaskKind = 'binary' | 'value'
export const taskKind = (task: TaskSpec): TaskKind => (task.label.rule === 'value' ? 'value' : 'binary')
