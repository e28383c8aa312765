/** polyrank's side: `training`, `scoring`, and `matmuls`, the multiplications of the training step alone. */
import * as ort from 'onnxruntime-node'
import { cpu } from '../../../models/engine/cpu.ts'
import { sizeOf } from '../../../models/engine/kernels/kernel.ts'
import { optimize } from '../../../models/engine/optimize.ts'
import type { Program } from '../../../models/engine/program.ts'
import { record } from '../../../models/engine/record.ts'
import type { Detail } from '../comparison.ts'
import { createDraws } from '../draws.ts'
import { drawBatch, drawParameters } from '../experts-model.ts'
import { scoringStep } from '../experts-scoring.ts'
import { trainingStep } from '../experts-training.ts'
import { eachMatmul, matmulGflop, matmulsOf } from '../matmuls.ts'
import { type PeerOptions, readOptions, serveRounds, timeSteps } from './protocol.ts'

const version = `ONNX Runtime ${ort.env.versions.node}`
const warmUps = 5

async function training({ threads, seconds, rows }: PeerOptions): Promise<void> {
  const draws = createDraws()
  const weights = drawParameters(draws)
  const batch = { ...drawBatch(draws, rows) }
  const session = await cpu.open(record(trainingStep(rows)), { threads, state: { weights } })
  const step = async () => (await session.run(batch)).loss![0]!
  const check = [await step(), await step(), await step()]
  for (let i = 0; i < warmUps; i++) await step()
  await serveRounds({ version, check }, () => timeSteps(step, seconds))
}

async function scoring({ threads, seconds, rows }: PeerOptions): Promise<void> {
  const draws = createDraws()
  const session = await cpu.open(record(scoringStep(drawParameters(draws), rows)), { threads })
  const { features } = drawBatch(draws, rows)
  const step = async () => (await session.run({ features })).scores as Float32Array
  const scores = await step()
  for (let i = 0; i < warmUps; i++) await step()
  const check = [scores.reduce((sum, score) => sum + score, 0) / scores.length]
  await serveRounds({ version, check }, () => timeSteps(step, seconds))
}

async function matmuls({ threads, seconds, rows }: PeerOptions): Promise<void> {
  const program = optimize(record(trainingStep(rows)))
  const { centred } = createDraws()
  const open = async (only: Program) => {
    const session = await cpu.open(only, { threads })
    const feeds = Object.fromEntries(
      only.inputs.map(({ name, value }) => [name, centred(sizeOf(only.values[value]!.shape))]),
    )
    return () => session.run(feeds)
  }
  const all = await open(matmulsOf(program))
  const singles: { readonly name: string; readonly gflop: number; readonly step: () => unknown }[] = []
  for (const { name, gflop, program: only } of eachMatmul(program))
    singles.push({ name, gflop, step: await open(only) })
  for (let i = 0; i < warmUps; i++) await all()
  await serveRounds({ version, check: [] }, async () => {
    const measured = await timeSteps(all, seconds)
    const details: Detail[] = [{ name: 'all of them', gflop: matmulGflop(program), ms: measured.ms }]
    for (const { name, gflop, step } of singles)
      details.push({ name, gflop, ms: (await timeSteps(step, seconds / 10)).ms })
    return { ...measured, details }
  })
}

const options = readOptions()
await { training, scoring, matmuls }[options.workload as 'training' | 'scoring' | 'matmuls'](options)
