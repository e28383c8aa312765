import { parentPort } from 'node:worker_threads'
import { Fault } from '../../../models/spec/fault.ts'
import type { ScoringReply, ScoringRequest } from './messages.ts'
import { type OpenedVersion, openVersion } from './opened-version.ts'

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
    const { code, message } =
      error instanceof Fault ? error : { code: 'SCORING_FAILED', message: (error as Error).message }
    reply({ id: request.id, fault: { code, message } }, [])
  }
}

const reply = (message: ScoringReply, transfer: readonly ArrayBuffer[]) =>
  parentPort!.postMessage(message, [...transfer])

async function perform(request: ScoringRequest): Promise<Float32Array | null> {
  switch (request.kind) {
    case 'open':
      if (!opened.has(request.folder)) opened.set(request.folder, await openVersion(request.folder, request.threads))
      return null
    case 'score':
      return opened.get(request.folder)!.score(request.input)
    case 'close':
      await opened.get(request.folder)?.close()
      opened.delete(request.folder)
      return null
  }
}
