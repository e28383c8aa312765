import { openQuantized } from '../../../models/engine/cpu.ts'
import type { Device } from '../../../models/engine/device.ts'
import { record } from '../../../models/engine/record.ts'
import { createDraws } from './draws.ts'
import { drawBatch, drawParameters } from './experts-model.ts'
import { scoringStep } from './experts-scoring.ts'
import { trainingStep } from './experts-training.ts'
import { firstLosses, timeSteps, type Workload, type WorkloadOptions, warmUp } from './workload.ts'

export async function expertsTraining(options: WorkloadOptions): Promise<Workload> {
  const { device, precision, threads, seconds, rows } = options
  const draws = createDraws()
  const weights = drawParameters(draws)
  const batch = { ...drawBatch(draws, rows) }
  const session = await device.open(record(trainingStep(rows)), { threads, precision, state: { weights } })
  const step = async () => (await session.run(batch)).loss![0]!
  const check = await firstLosses(step)
  await warmUp(step)
  return { check, measure: () => timeSteps(step, seconds) }
}

export const expertsScoring = (options: WorkloadOptions): Promise<Workload> => scoring(options, options.device.open)

/** Large matrices in 8 bits, as `engine.serving.precision: 'int8'` serves them on `cpu`. */
export const expertsScoringInt8 = (options: WorkloadOptions): Promise<Workload> => scoring(options, openQuantized)

async function scoring(options: WorkloadOptions, open: Device['open']): Promise<Workload> {
  const { precision, threads, seconds, rows } = options
  const draws = createDraws()
  const program = record(scoringStep(drawParameters(draws), rows))
  const { features } = drawBatch(draws, rows)
  const session = await open(program, { threads, precision })
  const step = async () => (await session.run({ features })).scores as Float32Array
  const scores = await step()
  const check = [scores.reduce((sum, score) => sum + score, 0) / scores.length]
  await warmUp(step, 20)
  return { check, measure: () => timeSteps(step, seconds) }
}
