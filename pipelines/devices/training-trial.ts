import { createNetwork } from '../../models/architectures/network.ts'
import { createRandom } from '../../models/engine/random.ts'
import { record } from '../../models/engine/record.ts'
import { trainingStep } from '../../models/objectives/training-step.ts'
import { canonical, definitionHash } from '../../models/spec/definition-hash.ts'
import type { TrainingEngine } from '../../models/spec/engine-settings.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { Subject, Trial } from './ports.ts'
import { randomFeeds } from './random-feeds.ts'

type Settings = Pick<TrainingEngine, 'precision' | 'threads'>

export function trainingSubject(definition: RankerDefinition, { precision, threads }: Settings): Subject {
  const { batchSize, optimizer, clipNorm = null } = definition.training
  return {
    purpose: 'training',
    ranker: definition.name,
    key: canonical({ definition: definitionHash(definition), batchSize, optimizer, clipNorm, precision, threads }),
  }
}

/** One step of training the ranker, as it is recorded for training, on random numbers. */
export function trainingTrial(definition: RankerDefinition, { precision, threads }: Settings): Trial {
  const { program, weights } = recordStep(definition)
  return {
    ...trainingSubject(definition, { precision, threads }),
    open: (device) => device.open(program, { threads, precision, state: { weights, average: weights } }),
    feeds: () => randomFeeds(program, 1),
  }
}

function recordStep(definition: RankerDefinition) {
  // Statistics become constants of the step, and decide none of its shapes.
  const network = createNetwork(definition, { numbers: {}, rates: {} })
  const weights = network.parameters.initialize(createRandom(1).fork('weights'))
  return { program: record(trainingStep(definition, network, definition.training.batchSize)), weights }
}
