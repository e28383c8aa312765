import type { BatchLayout, SideBatch } from '../../models/spec/batch.ts'
import { createEncoder, emptyBatch } from '../../models/spec/encoder.ts'
import { labelsOf } from '../../models/spec/labels.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { SlateExamples } from '../../models/spec/slate.ts'
import { numberStatistics, type Statistics } from '../../models/spec/statistics.ts'

/**
 * Examples as flat arrays, each a request with one candidate: encoded once, and read at every epoch. Row-major [examples,
 * slots | numbers | tasks].
 */
export interface EncodedExamples {
  readonly count: number
  readonly request: SideBatch
  readonly candidate: SideBatch
  readonly labels: Float32Array
  /** How many examples each label stands for; 0 where it is not known. */
  readonly known: Float32Array
  /** Index of each example's user, for metrics by user. */
  readonly users: Int32Array
  /** Index of each example's slate, for metrics by slate. */
  readonly slates: Int32Array
}

/** Encodes every impression of `slates`, in order. */
export function encodeExamples(
  definition: RankerDefinition,
  statistics: Statistics,
  slates: readonly SlateExamples[],
  report: (done: number) => void = () => {},
): EncodedExamples {
  const encoder = createEncoder(definition, statistics)
  const count = slates.reduce((sum, { impressions }) => sum + impressions.length, 0)
  const tasks = definition.tasks.length
  const [labels, known] = [new Float32Array(count * tasks), new Float32Array(count * tasks)]
  const [users, slateOf] = [new Int32Array(count), new Int32Array(count)]
  const userIndex = new Map<string, number>()
  const all = emptyBatch(encoder.layout, { requests: count, candidates: 1 })
  let example = 0
  for (const [slate, { input, impressions, watermarkMs }] of slates.entries()) {
    for (const impression of impressions) {
      encoder.encodeOne(input, [input.candidates[impression.candidate]!], all, example)
      const from = example * tasks
      labelsOf(
        definition.tasks,
        impression,
        { shownAtMs: input.occurredAtMs, watermarkMs },
        labels.subarray(from, from + tasks),
        known.subarray(from, from + tasks),
      )
      const user = userIndex.get(input.userId) ?? userIndex.size
      userIndex.set(input.userId, user)
      users[example] = user
      slateOf[example++] = slate
    }
    report(example)
  }
  return { count, request: all.request, candidate: all.candidate, labels, known, users, slates: slateOf }
}

/** Statistics of every number over the first `count` examples, beside those that encoding needed. */
export function withNumberStatistics(
  layout: BatchLayout,
  statistics: Statistics,
  examples: EncodedExamples,
  count: number,
): Statistics {
  const numbers = { ...statistics.numbers }
  const values = new Float64Array(count)
  for (const side of ['request', 'candidate'] as const) {
    const names = layout[side].numbers
    const { present, numbers: all } = examples[side]
    names.forEach((name, column) => {
      let known = 0
      for (let example = 0; example < count; example++) {
        const at = example * names.length + column
        if (present[at] === 1) values[known++] = all[at]!
      }
      numbers[name] = numberStatistics(values.subarray(0, known))
    })
  }
  return { ...statistics, numbers }
}
