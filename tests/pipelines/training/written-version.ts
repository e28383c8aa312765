import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { cpu, openOnnxFile } from '../../../models/engine/cpu.ts'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import { type TrainedVersion, train } from '../../../pipelines/training/train.ts'
import { type QuantizationRequest, writeVersion } from '../../../pipelines/training/version.ts'
import { sourceOf, worldOf } from './small-source.ts'

const root = mkdtempSync(join(tmpdir(), 'polyrank-version-'))
after(() => rmSync(root, { recursive: true, force: true }))

/** A ranker trained on so many small slates. */
export const trainedOn = (slates: number, definition: RankerDefinition): Promise<TrainedVersion> =>
  train({ definition, source: sourceOf(worldOf(slates)), device: cpu, threads: 1, parent: null, report: () => {} })

export const generous: QuantizationRequest['bounds'] = { mostScoreChange: 0.5, mostMetricLoss: 0.5 }

/** Writes a version into a folder of its own; with int8 graphs, within generous bounds, where `int8` is given. */
export async function written(
  { content, network, weights, holdout }: TrainedVersion,
  int8?: Partial<QuantizationRequest>,
) {
  const folder = mkdtempSync(join(root, 'files-'))
  const [order, removed]: [string[], string[]] = [[], []]
  const files = {
    async write(name: string, pieces: readonly Uint8Array[]) {
      order.push(name)
      writeFileSync(join(folder, name), Buffer.concat(pieces))
    },
    async remove(name: string) {
      removed.push(name)
      rmSync(join(folder, name))
    },
  }
  const open = (graph: string) => openOnnxFile(join(folder, graph), { threads: 1 })
  const request = int8 && { bounds: generous, unseen: holdout, open, ...int8 }
  const manifest = await writeVersion(files, content, network, weights, request)
  return { folder, manifest, order, removed, bytesOf: (name: string) => readFileSync(join(folder, name)) }
}
