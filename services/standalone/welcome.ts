import { aucStandardError } from '../../models/metrics/auc.ts'
import type { ModelVersion } from '../../pipelines/promotion/ports.ts'
import type { ExampleSource } from '../../pipelines/training/ports.ts'
import { textTable } from './text-table.ts'

type Metrics = ModelVersion['metrics']

const number = (value: number | null | undefined, digits: number) =>
  value === null || value === undefined || Number.isNaN(value) ? '-' : value.toFixed(digits)

/** Metrics of `tasks` as a table for people. */
export function metricsTable(metrics: Metrics, tasks: readonly string[]): string {
  const header = ['task', 'examples', 'positives', 'AUC', '±', 'GAUC', 'norm. entropy', 'calibration error']
  const rows = tasks.map((task) => {
    const values = metrics[task] ?? {}
    const { examples = 0, positives = 0, auc } = values
    const deviation = auc === undefined ? undefined : aucStandardError(auc, positives, examples - positives)
    return [
      task,
      number(examples, 0),
      number(values.positives, 0),
      number(auc, 4),
      number(deviation, 4),
      number(values.gauc, 4),
      number(values.normalizedEntropy, 4),
      number(values.calibrationError, 4),
    ]
  })
  return textTable(header, rows)
}

const lastMs = 6 * 3_600_000

/** A user and some items of the newest examples that were shown before, for lines to copy. */
export async function someIds(source: ExampleSource, ranker: string): Promise<{ userId: string; itemIds: string[] }> {
  const range = await source.range(ranker)
  let userId = 'u1'
  const itemIds = new Set<string>()
  if (range !== null) {
    for await (const page of source.read(ranker, { fromMs: range.toMs - lastMs, toMs: range.toMs })) {
      for (const { input } of page) {
        userId = input.userId
        for (const { itemId, tally } of input.candidates) if (tally !== null) itemIds.add(itemId)
      }
    }
  }
  return { userId, itemIds: itemIds.size === 0 ? ['i1', 'i2', 'i3'] : [...itemIds].slice(-5) }
}

/** Three lines to copy: rank, send feedback, train again. */
export function linesToCopy(
  url: string,
  { userId, itemIds }: { readonly userId: string; readonly itemIds: readonly string[] },
  kind: string,
  now: Date,
): string {
  const curl = (path: string, body: unknown) =>
    `curl -s '${url}${path}' -H 'content-type: application/json' -d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`
  const candidates = itemIds.map((itemId) => ({ itemId }))
  const feedback = { type: 'feedback', eventId: `try-${now.getTime()}`, occurredAt: now.toISOString(), userId }
  return [
    'Rank:',
    curl('/v1/rank', { userId, context: { hour: '20' }, candidates, limit: 3 }),
    'Send feedback:',
    curl('/v1/events', { ...feedback, itemId: itemIds[0], kind }),
    'Train again:',
    curl('/v1/jobs', { kind: 'train' }),
  ].join('\n')
}
