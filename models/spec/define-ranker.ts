import { Fault } from './fault.ts'
import type { FeatureSpec, Hashed, Vocabulary } from './features.ts'
import type { ImpressionPolicy, RankerDefinition, TrainingSpec, TrunkSpec } from './ranker.ts'
import { historyHorizon, keptDays } from './tally.ts'
import type { TaskSpec } from './tasks.ts'

/** What a user writes; everything but name, features and tasks has a default. */
export interface RankerConfig {
  readonly name: string
  readonly features: readonly FeatureSpec[]
  readonly tasks: readonly TaskSpec[]
  readonly impressions?: ImpressionPolicy
  readonly trunk?: Partial<TrunkSpec>
  readonly architecture?: RankerDefinition['architecture']
  readonly training?: Partial<TrainingSpec>
}

const defaultTrunk: TrunkSpec = { dimension: 8, idDropout: 0.7, dropout: 0.3 }
/** What held on a small log with counters; a log with many events an id wants a weaker ridge and faster rates. */
const defaultTraining: TrainingSpec = {
  batchSize: 256,
  epochs: 12,
  patience: 3,
  optimizer: { kind: 'adam' },
  rate: 2e-4,
  embeddingRate: 0.005,
  wideRate: 0.001,
  ridge: 100,
  negativeSamplingRate: 1,
  averaging: 0.99,
  seed: 1,
}

/**
 * Completes and checks a ranker. Fault `RANKER_DEFINITION_INVALID`, its path a JSON pointer into the config.
 */
export function defineRanker(config: RankerConfig): RankerDefinition {
  const definition: RankerDefinition = {
    name: config.name,
    features: config.features,
    tasks: config.tasks,
    impressions: config.impressions ?? 'explicit',
    trunk: { ...defaultTrunk, ...config.trunk },
    architecture: config.architecture ?? { kind: 'mmoe', experts: 4, hidden: 64, tower: 32 },
    training: { ...defaultTraining, ...config.training },
  }
  checkNames(definition)
  for (const [i, feature] of definition.features.entries()) checkFeature(feature, `/features/${i}`, definition.features)
  for (const [i, task] of definition.tasks.entries()) checkTask(task, `/tasks/${i}`, definition.tasks)
  checkNumbers(definition)
  return definition
}

function invalid(path: string, message: string): never {
  throw new Fault('RANKER_DEFINITION_INVALID', message, { path, status: 400 })
}
const namePattern = /^[a-z][a-z0-9_-]{0,63}$/i

function checkNames({ name, features, tasks }: RankerDefinition): void {
  if (!namePattern.test(name))
    invalid('/name', `The ranker's name "${name}" must be a letter followed by at most 63 letters, digits, "_" or "-".`)
  if (tasks.length === 0) invalid('/tasks', 'A ranker needs at least one task; add { name, label, windowMs }.')
  if (features.length === 0) invalid('/features', 'A ranker needs at least one feature.')
  for (const [list, path] of [
    [features, '/features'],
    [tasks, '/tasks'],
  ] as const) {
    list.forEach((entry, i) => {
      if (!namePattern.test(entry.name))
        invalid(
          `${path}/${i}/name`,
          `The name "${entry.name}" must be a letter followed by at most 63 letters, digits, "_" or "-".`,
        )
      if (list.findIndex((other) => other.name === entry.name) !== i)
        invalid(`${path}/${i}/name`, `The name "${entry.name}" is used twice; rename one.`)
    })
  }
}

const whole = (value: number, path: string, least = 1) => {
  if (!Number.isInteger(value) || value < least) invalid(path, `${value} must be a whole number of at least ${least}.`)
}

function checkRows(rows: Hashed | Vocabulary, path: string): void {
  if ('buckets' in rows) {
    whole(rows.buckets, `${path}/rows/buckets`)
    return
  }
  const repeated = rows.vocabulary.findIndex((word, i) => rows.vocabulary.indexOf(word) !== i)
  if (repeated !== -1)
    invalid(
      `${path}/rows/vocabulary/${repeated}`,
      `"${rows.vocabulary[repeated]}" is in the vocabulary twice; remove one.`,
    )
  if (rows.vocabulary.length === 0)
    invalid(`${path}/rows/vocabulary`, 'A vocabulary needs at least one word; or hash with { buckets }.')
}

function checkFeature(feature: FeatureSpec, path: string, all: readonly FeatureSpec[]): void {
  switch (feature.kind) {
    case 'categorical':
      checkRows(feature.rows, path)
      return
    case 'categories':
      whole(feature.maxValues, `${path}/maxValues`)
      checkRows(feature.rows, path)
      return
    case 'text':
      whole(feature.maxTokens, `${path}/maxTokens`)
      checkRows(feature.rows, path)
      return
    case 'counters': {
      const days = feature.windowDays
      if (days !== undefined && (!Number.isInteger(days) || days < 1 || days > keptDays))
        invalid(
          `${path}/windowDays`,
          `${days} must be a whole number of days from 1 to ${keptDays}; leave it out for "ever".`,
        )
      if (feature.strength !== undefined && !(feature.strength > 0 && Number.isFinite(feature.strength)))
        invalid(`${path}/strength`, 'strength must be above 0: so many impressions the prior is worth.')
      return
    }
    case 'history':
      whole(feature.length, `${path}/length`)
      if (feature.length > historyHorizon)
        invalid(
          `${path}/length`,
          `${feature.length} is more than the ${historyHorizon} last feedback that are kept at hand.`,
        )
      feature.items.forEach((name, i) => {
        const item = all.find((other) => other.name === name)
        if (item?.kind !== 'categorical' || item.scope !== 'item')
          invalid(`${path}/items/${i}`, `"${name}" must name a categorical item feature of this ranker.`)
      })
      if (feature.items.length === 0)
        invalid(
          `${path}/items`,
          'A history needs at least one item feature to see its items through, such as the item id.',
        )
      return
    case 'numeric':
      return
  }
}

function checkTask(task: TaskSpec, path: string, all: readonly TaskSpec[]): void {
  if (!(task.windowMs >= 0 && Number.isFinite(task.windowMs)))
    invalid(`${path}/windowMs`, 'windowMs must be a time in ms, 0 or more.')
  for (const weight of ['lossWeight', 'scoreWeight'] as const) {
    if (task[weight] !== undefined && !Number.isFinite(task[weight]))
      invalid(`${path}/${weight}`, `${weight} must be a number.`)
  }
  if (task.lossWeight !== undefined && task.lossWeight < 0)
    invalid(`${path}/lossWeight`, 'lossWeight must be 0 or more.')
  if (task.label.rule === 'value' && task.label.most !== undefined && !Number.isFinite(task.label.most))
    invalid(`${path}/label/most`, 'most must be a number: what larger values count as.')
  if (task.label.rule === 'atLeast' && !Number.isFinite(task.label.value))
    invalid(`${path}/label/value`, 'value must be a number: the least that counts.')
  const seen = [task.name]
  for (let given = task.given; given !== undefined; ) {
    const condition = all.find(({ name }) => name === given)
    // Each task answers for its own link, and for a circle only those that are on it.
    if (condition === undefined && given === task.given)
      invalid(`${path}/given`, `"${given}" is no task of this ranker.`)
    if (given === task.name)
      invalid(`${path}/given`, `"${task.name}" is given by a task that is given by it; break the circle.`)
    if (condition === undefined || seen.includes(given)) return
    seen.push(given)
    given = condition.given
  }
}

function checkNumbers({ trunk, architecture, training }: RankerDefinition): void {
  whole(trunk.dimension, '/trunk/dimension')
  for (const name of ['idDropout', 'dropout'] as const) {
    if (!(trunk[name] >= 0 && trunk[name] < 1)) invalid(`/trunk/${name}`, `${name} must be from 0 to below 1.`)
  }
  whole(architecture.hidden, '/architecture/hidden')
  whole(architecture.tower, '/architecture/tower')
  if (architecture.kind === 'mmoe') whole(architecture.experts, '/architecture/experts')
  for (const name of ['batchSize', 'epochs', 'patience'] as const) whole(training[name], `/training/${name}`)
  whole(training.seed, '/training/seed', 0)
  for (const name of ['rate', 'embeddingRate', 'wideRate'] as const) {
    if (!(training[name] > 0 && Number.isFinite(training[name])))
      invalid(`/training/${name}`, `${name} must be above 0.`)
  }
  checkOptimizer(training)
  if (!(training.ridge >= 0 && Number.isFinite(training.ridge))) invalid('/training/ridge', 'ridge must be 0 or more.')
  const rate = training.negativeSamplingRate
  if (!(rate > 0 && rate <= 1))
    invalid(
      '/training/negativeSamplingRate',
      'negativeSamplingRate must be above 0 and at most 1: the share of examples without feedback that are learnt.',
    )
  if (!(training.averaging >= 0 && training.averaging < 1))
    invalid('/training/averaging', 'averaging must be from 0 to below 1.')
}

function checkOptimizer({ optimizer, schedule = {}, clipNorm }: TrainingSpec): void {
  if (optimizer.kind === 'adamw' && !(optimizer.weightDecay >= 0 && Number.isFinite(optimizer.weightDecay)))
    invalid('/training/optimizer/weightDecay', 'weightDecay must be 0 or more.')
  if (clipNorm !== undefined && !(clipNorm > 0 && Number.isFinite(clipNorm)))
    invalid('/training/clipNorm', 'clipNorm must be above 0.')
  const { warmupSteps = 0, decaySteps } = schedule
  whole(warmupSteps, '/training/schedule/warmupSteps', 0)
  if (decaySteps !== undefined) whole(decaySteps, '/training/schedule/decaySteps', warmupSteps + 1)
}
