import type { ArchitectureSpec } from '../../../models/spec/ranker.ts'

/** Weights by name, row-major, and masks by layer. */
export type PlainWeights = Readonly<Record<string, readonly number[]>>
export type PlainMasks = Readonly<Record<string, readonly number[]>>

const relu = (x: number) => Math.max(x, 0)
const range = (count: number) => Array.from({ length: count }, (_, i) => i)
const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + value * b[i]!, 0)
const softmax = (logits: readonly number[]) => {
  const powers = logits.map((logit) => Math.exp(logit - Math.max(...logits)))
  const total = powers.reduce((sum, power) => sum + power, 0)
  return powers.map((power) => power / total)
}
/** Column `column` of a row-major matrix with `width` columns. */
const columnOf = (matrix: readonly number[], width: number, column: number) =>
  matrix.filter((_, i) => i % width === column)

/** Logits of an architecture, one row and one task at a time in double precision. */
export function plainLogits(
  spec: ArchitectureSpec,
  tasks: number,
  weights: PlainWeights,
  rows: readonly (readonly number[])[],
  masks?: PlainMasks,
): number[][] {
  const { hidden, tower } = spec
  const experts = spec.kind === 'mmoe' ? spec.experts : spec.kind === 'single-task' ? tasks : 1
  const width = experts * hidden

  const expertOutputs = (row: readonly number[], b: number): number[][] =>
    range(experts).map((e) =>
      range(hidden).map((h) => {
        const unit = e * hidden + h
        const value = dot(row, columnOf(weights['expert.weight']!, width, unit)) + weights['expert.bias']![unit]!
        return relu(value) * (masks?.expert?.[b * width + unit] ?? 1)
      }),
    )
  const mixtureOf = (row: readonly number[], outputs: readonly (readonly number[])[], task: number): number[] => {
    if (spec.kind !== 'mmoe') return [...outputs[spec.kind === 'single-task' ? task : 0]!]
    const shares = softmax(
      range(experts).map((e) => {
        const unit = task * experts + e
        return dot(row, columnOf(weights['gate.weight']!, tasks * experts, unit)) + weights['gate.bias']![unit]!
      }),
    )
    return range(hidden).map((h) =>
      dot(
        shares,
        outputs.map((output) => output[h]!),
      ),
    )
  }
  return rows.map((row, b) => {
    const outputs = expertOutputs(row, b)
    return range(tasks).map((task) => {
      const mixture = mixtureOf(row, outputs, task)
      const own = weights['tower.weight']!.slice(task * hidden * tower, (task + 1) * hidden * tower)
      return range(tower).reduce((logit, unit) => {
        const value = dot(mixture, columnOf(own, tower, unit)) + weights['tower.bias']![task * tower + unit]!
        const mask = masks?.tower?.[(task * rows.length + b) * tower + unit] ?? 1
        return logit + relu(value) * mask * weights['head.weight']![task * tower + unit]!
      }, 0)
    })
  })
}
