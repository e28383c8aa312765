import { createNetwork } from '../../models/architectures/network.ts'
import { createRandom } from '../../models/engine/random.ts'
import { uncalibrated } from '../../models/objectives/calibration.ts'
import { scoringProgram, withConstants } from '../../models/objectives/scoring-program.ts'
import { deepTable, wideTable } from '../../models/objectives/scoring-step.ts'
import { canonical, definitionHash } from '../../models/spec/definition-hash.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { buckets } from '../training/version.ts'
import type { Subject, Trial } from './ports.ts'
import { randomFeeds } from './random-feeds.ts'

/** Candidates of a request as most are: about a hundred, padded. */
const candidates: (typeof buckets)[number] = 256
/** Rows of the tables are looked up, so more of them take memory and hardly time. */
const mostRows = 2 ** 16

interface Settings {
  readonly threads: number
}

export const servingSubject = (definition: RankerDefinition, { threads }: Settings): Subject => ({
  purpose: 'serving',
  ranker: definition.name,
  key: canonical({ definition: definitionHash(definition), candidates, threads }),
})

/** One request scored, of as many candidates as most have. */
export function servingTrial(definition: RankerDefinition, { threads }: Settings): Trial {
  const { program, state, rows } = recordStep(definition)
  return {
    ...servingSubject(definition, { threads }),
    // As it is served: from a graph with its weights inside, or with variables for them.
    open: (device) =>
      device.name === 'tensorflow'
        ? device.open(program, { threads, state })
        : device.open(withConstants(program, state), { threads }),
    feeds: () => randomFeeds(program, rows),
  }
}

function recordStep(definition: RankerDefinition) {
  const whole = createNetwork(definition, { numbers: {}, rates: {} })
  const rows = Math.min(whole.layout.tableRows, mostRows)
  const network = { ...whole, layout: { ...whole.layout, tableRows: rows } }
  const calibrations = definition.tasks.map(() => uncalibrated)
  const program = scoringProgram(definition, network, calibrations, candidates)
  const dense = network.parameters.initialize(createRandom(1))
  const state = {
    ...Object.fromEntries(
      network.parameters.parameters.map(({ name, offset, size }) => [name, dense.subarray(offset, offset + size)]),
    ),
    [deepTable]: new Float32Array(rows * definition.trunk.dimension),
    [wideTable]: new Float32Array(rows * definition.tasks.length),
  }
  return { program, state, rows }
}
