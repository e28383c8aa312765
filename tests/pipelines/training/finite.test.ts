import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Session } from '../../../models/engine/device.ts'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import { firstBroken, notFinite } from '../../../pipelines/training/finite.ts'
import { type FitOptions, fit } from '../../../pipelines/training/fit.ts'
import { cpuWith, keepAll, optionsOf } from './small-fit.ts'
import { rankerWith } from './small-source.ts'

const definition = rankerWith()
const options = optionsOf(definition)
const [infinity, nan] = [Number.POSITIVE_INFINITY, Number.NaN]

/** The fault of a fit that keeps its state after every step, and the states that it kept. */
async function brokenFit(changes: Partial<FitOptions>) {
  const keeper = keepAll()
  const error = await fit({ ...options, keeper, ...changes }).then(
    () => assert.fail('the fit ended well'),
    (fault: { code: string; message: string; details: Record<string, unknown> }) => fault,
  )
  assert.equal(error.code, 'TRAINING_NOT_FINITE', error.message)
  return { error, keeper, details: error.details }
}
const examplesWith = (change: (examples: FitOptions['examples']) => void): FitOptions['examples'] => {
  const examples = structuredClone(options.examples)
  change(examples)
  return examples
}
/** Runs on `cpu`, the outputs of one step changed. */
const outputsAt = (step: number, change: (outputs: Record<string, Float32Array>) => void) =>
  cpuWith(({ run }: Session) => {
    let runs = 0
    return {
      async run(feeds) {
        const outputs = await run(feeds)
        if (++runs === step) change(outputs as Record<string, Float32Array>)
        return outputs
      },
    }
  })
const withTraining = (training: Partial<RankerDefinition['training']>): RankerDefinition => ({
  ...definition,
  training: { ...definition.training, ...training },
})

test('the first of several that has anything but numbers is found', () => {
  const good = Float32Array.of(0, -0, 3.4e38, -1e-45)
  for (const bad of [nan, infinity, -infinity]) {
    assert.equal(
      firstBroken([
        ['a', good],
        ['b', Float32Array.of(1, bad)],
        ['c', Float32Array.of(bad)],
      ]),
      'b',
    )
    assert.equal(firstBroken([['x', Float64Array.of(bad, 1)]]), 'x')
  }
  assert.equal(
    firstBroken([
      ['a', good],
      ['none', new Float32Array(0)],
      ['d', Float64Array.of(1e300)],
    ]),
    null,
  )
})

test('the message says the task, the tensor, the step, the way out, and where the last good state is', () => {
  const broken = { task: 'click', loss: nan, tensor: 'gradient.request.deep', step: 812 }

  assert.equal(
    notFinite(broken, 'step 800, is in /data/training/j').message,
    'The loss of task "click" is NaN after step 812; first non-finite: gradient.request.deep. Lower the training rates, or limit its label ("most") where feedback has extreme values. The last good state, of step 800, is in /data/training/j.',
  )
  assert.match(
    notFinite({ ...broken, task: null }, null).message,
    /^"gradient.request.deep" is not finite after step 812. /,
  )
})

test('where an example’s label or number is not finite, that is what is named', async () => {
  const labels = await brokenFit({
    examples: examplesWith(({ labels, known }) => void labels.set([infinity], known.indexOf(1))),
  })
  assert.deepEqual([labels.details.task, labels.details.tensor], ['click', 'labels'])

  const numbers = await brokenFit({
    examples: examplesWith(({ candidate }) => void candidate.numbers.fill(nan, 40, 44)),
  })
  assert.equal(numbers.details.tensor, 'candidate.numbers')
})

test('a task that runs away is named with the step, and what was kept before is finite', async () => {
  const examples = examplesWith(({ labels, known }) => {
    labels.forEach((label, i) => {
      if (i % 2 === 1 && known[i] === 1) labels[i] = label * 1e18
    })
  })
  const { error, details, keeper } = await brokenFit({ examples, definition: withTraining({ wideRate: 1e18 }) })

  assert.equal(details.task, 'watch')
  const step = Number(details.step)
  assert.deepEqual(
    [...keeper.states.keys()],
    Array.from({ length: step - 1 }, (_, i) => i + 1),
  )
  if (step > 1) assert.match(error.message, new RegExp(`last good state, of step ${step - 1}, is in a map\\.$`))
  for (const { dense, deep, wide } of keeper.states.values()) {
    const all = [
      ...Object.values(dense),
      deep.weights,
      deep.averages,
      deep.moments,
      wide.weights,
      wide.averages,
      wide.moments,
    ]
    for (const values of all) assert.ok(values.every(Number.isFinite))
  }
})

test('weights that run away are named by their layer or by the rows that are looked up', async () => {
  const dense = await brokenFit({ definition: withTraining({ rate: 1e38 }), keeper: undefined })
  assert.match(String(dense.details.tensor), /^(weights|second|gradient)/)
  assert.doesNotMatch(dense.error.message, /last good state/)

  const table = await brokenFit({ definition: withTraining({ embeddingRate: 1e39 }), keeper: undefined })
  assert.match(String(table.details.tensor), /^(request|candidate)\.deep$/)
})

test('a gradient of table rows that is not finite ends the training at its step, although the losses are finite', async () => {
  const device = outputsAt(3, (outputs) => void outputs['gradient.candidate.wide']!.fill(infinity, 0, 1))
  const { details, keeper } = await brokenFit({ device })

  assert.deepEqual([details.task, details.step], [null, 3])
  assert.match(String(details.tensor), /^gradient\.wide of itemId$/)
  assert.deepEqual([...keeper.states.keys()], [1, 2])
})

test('no state that is not finite is kept, although the losses are finite', async () => {
  let reads = 0
  const device = cpuWith(({ readState }: Session) => ({
    async readState() {
      const state = await readState()
      if (++reads === 5) state.second!.fill(nan, -1)
      return state
    },
  }))
  const { details, keeper, error } = await brokenFit({ device })

  const { name } = options.network.parameters.parameters.at(-1)!
  assert.deepEqual(details, { task: null, tensor: `second of ${name}`, step: 5 })
  assert.deepEqual([...keeper.states.keys()], [1, 2, 3, 4])
  assert.match(error.message, /of step 4, is in a map/)
})

test('weights that are not finite are not what a training leaves', async () => {
  const device = cpuWith(({ readState }: Session) => ({
    async readState() {
      const state = await readState()
      state.average!.fill(infinity, 0, 1)
      return state
    },
  }))
  const { details } = await brokenFit({ device, keeper: undefined })

  assert.deepEqual(details, {
    task: null,
    tensor: `average of ${options.network.parameters.parameters[0]!.name}`,
    step: 8,
  })
})
