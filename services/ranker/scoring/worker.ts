import { parentPort } from 'node:worker_threads'
import { Fault } from '../../../models/spec/fault.ts'
import { servingTrial } from '../../../pipelines/devices/serving-trial.ts'
import { configuredDevice } from '../../adapters/devices/configured.ts'
import type { ScoringEngine, ScoringReply, ScoringRequest } from './messages.ts'
import { type OpenedVersion, openVersion, readManifest } from './opened-version.ts'

/** Scores in a thread of its own, since a native run holds its thread. One run at a time: batches are reused. */
const opened = new Map<string, OpenedVersion>()
let last: Promise<void> = Promise.resolve()

parentPort!.on('message', (request: ScoringRequest) => {
  last = last.then(() => answer(request))
})

async function answer(request: ScoringRequest): Promise<void> {
  try {
    const scores = await perform(request)
    reply({ id: request.id, scores }, scores === null ? [] : [scores.buffer as ArrayBuffer])
  } catch (error) {
    const { code, message, path, status, retry } =
      error instanceof Fault ? error : new Fault('SCORING_FAILED', (error as Error).message, { status: 503 })
    reply({ id: request.id, fault: { code, message, path, status, retry } }, [])
  }
}

const reply = (message: ScoringReply, transfer: readonly ArrayBuffer[]) =>
  parentPort!.postMessage(message, [...transfer])

async function perform(request: ScoringRequest): Promise<Float32Array | null> {
  switch (request.kind) {
    case 'open':
      if (!opened.has(request.folder)) opened.set(request.folder, await open(request.folder, request.engine))
      return null
    case 'score': {
      const version = opened.get(request.folder)
      if (version !== undefined) return version.score(request.input)
      throw new Fault('SCORING_NOT_OPEN', 'The version that took this request is not open any more; try again.', {
        status: 503,
        retry: true,
      })
    }
    case 'close':
      await opened.get(request.folder)?.close()
      opened.delete(request.folder)
      return null
  }
}

async function open(folder: string, { device, precision, threads, dataFolder }: ScoringEngine): Promise<OpenedVersion> {
  const say = (said: string) => reply({ said }, [])
  const trial = async () => servingTrial((await readManifest(folder)).definition, { threads })
  const version = await openVersion(folder, threads, {
    device: await configuredDevice({ device, threads }, trial, dataFolder, say),
    precision,
  })
  for (const note of version.notes) say(note)
  return version
}
