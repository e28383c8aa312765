import type { FoldOutput, JoinedSlate } from '../../pipelines/join/ports.ts'
import { startMs } from './sent.ts'

export const emptyOutput: FoldOutput = {
  slates: [],
  examples: [],
  tallies: [],
  history: [],
  orphans: [],
  adopted: [],
}

/** A slate of one item of which nothing is known, with whatever `changes`. */
export const slateOf = (slateId: string, changes: Partial<JoinedSlate> = {}): JoinedSlate => ({
  slateId,
  source: 'source',
  ranker: 'r',
  definitionHash: null,
  modelVersion: null,
  userId: 'u',
  occurredAtMs: startMs,
  context: {},
  user: {},
  userVersion: null,
  userTally: null,
  historyEnd: 0,
  items: [{ itemId: 'i', version: null, tally: null, userItemTally: null }],
  ...changes,
})
