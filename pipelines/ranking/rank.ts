import { Fault } from '../../models/spec/fault.ts'
import type { FeatureValues } from '../../models/spec/features.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import type { Candidate, RankingInput } from '../../models/spec/slate.ts'
import { blend, blendWeights, type Objective, type ScoredCandidate } from './blend.ts'
import type { KnowledgeQuery, KnowledgeStore, Known, RankedSlate, SlateLog } from './ports.ts'

export interface RankRequest {
  readonly userId: string
  readonly context?: FeatureValues
  /** What the caller knows of the user; overlays the catalogue. */
  readonly user?: FeatureValues
  readonly candidates: readonly { readonly itemId: string; readonly features?: FeatureValues }[]
  /** How many the caller means to show; as many come back. */
  readonly limit?: number
  /** Weights of tasks for this request, instead of the definition's. */
  readonly objective?: Objective
}

export interface RankAnswer {
  readonly slateId: string
  readonly ranker: string
  readonly modelVersion: string
  readonly items: readonly ScoredCandidate[]
  /** Candidates that the catalogue does not have; they were scored by what else is known. */
  readonly unknownItems: readonly string[]
  /** What was missing: `user` (not in the catalogue), `knowledge` (the store did not answer). */
  readonly degraded: readonly string[]
}

/** A version that serves. A request takes it once, at its start, and is answered by it alone. */
export interface Scorer {
  readonly version: string
  readonly definitionHash: string
  readonly definition: RankerDefinition
  /** [candidates, tasks]: calibrated probabilities or values. */
  score(input: RankingInput): Promise<Float32Array>
}

export interface RankContext {
  readonly scorer: Scorer
  readonly knowledge: KnowledgeStore
  readonly slateLog: SlateLog
  nowMs(): number
  newId(): string
  /** Hears why something is missing from an answer. */
  onDegraded(what: string, cause: unknown): void
}

/** Ranks the candidates of one request, and logs the slate before answering. */
export async function rank(request: RankRequest, context: RankContext): Promise<RankAnswer> {
  const { scorer } = context
  const { definition } = scorer
  refuseRepeated(request)
  const weights = blendWeights(definition.tasks, request.objective)
  const occurredAtMs = context.nowMs()
  const { known, degraded } = await hydrate(request, context)
  const input = toInput(request, known, occurredAtMs)
  const scores = await scorer.score(input)
  const items = blend(
    definition.tasks,
    request.candidates.map(({ itemId }) => itemId),
    scores,
    weights,
  )
  const slateId = context.newId()
  await context.slateLog.append(toSlate(request, context, { input, known, items, slateId }))
  return {
    slateId,
    ranker: definition.name,
    modelVersion: scorer.version,
    items: request.limit === undefined ? items : items.slice(0, request.limit),
    unknownItems:
      known === null ? [] : request.candidates.map(({ itemId }) => itemId).filter((itemId) => !known.items.has(itemId)),
    degraded,
  }
}

function refuseRepeated({ candidates }: RankRequest): void {
  const seen = new Set<string>()
  candidates.forEach(({ itemId }, i) => {
    if (seen.has(itemId)) {
      throw new Fault('RANK_CANDIDATE_REPEATED', `"${itemId}" is offered twice; send each candidate once.`, {
        path: `/candidates/${i}/itemId`,
        status: 400,
      })
    }
    seen.add(itemId)
  })
}

/** What is known, or null where the store does not answer: the request is then ranked by what it carries. */
async function hydrate(
  request: RankRequest,
  { knowledge, scorer, onDegraded }: RankContext,
): Promise<{ known: Known | null; degraded: string[] }> {
  try {
    const known = await knowledge.know(knowledgeQuery(request, scorer.definition))
    return { known, degraded: known.user === null && request.user === undefined ? ['user'] : [] }
  } catch (cause) {
    onDegraded('knowledge', cause)
    return { known: null, degraded: ['knowledge'] }
  }
}

function knowledgeQuery({ userId, candidates }: RankRequest, { features }: RankerDefinition): KnowledgeQuery {
  const counts = (of: 'user' | 'item' | 'user-item') =>
    features.some((feature) => feature.kind === 'counters' && feature.of === of)
  const histories = features.flatMap((feature) => (feature.kind === 'history' ? [feature] : []))
  const isOpen = histories.some(({ feedback }) => feedback === undefined)
  return {
    userId,
    itemIds: candidates.map(({ itemId }) => itemId),
    historyFeedback: isOpen ? null : [...new Set(histories.flatMap(({ feedback }) => feedback ?? []))],
    tallies: { user: counts('user'), item: counts('item'), userItem: counts('user-item') },
  }
}

function toInput(request: RankRequest, known: Known | null, occurredAtMs: number): RankingInput {
  return {
    userId: request.userId,
    occurredAtMs,
    user: { ...known?.user?.features, ...request.user },
    context: request.context ?? {},
    history: known?.history ?? [],
    userTally: known?.userTally ?? null,
    candidates: request.candidates.map(({ itemId, features }) => ({
      itemId,
      features: { ...known?.items.get(itemId)?.features, ...features },
      tally: known?.itemTallies.get(itemId) ?? null,
      userItemTally: known?.userItemTallies.get(itemId) ?? null,
    })),
  }
}

interface Ranked {
  readonly input: RankingInput
  readonly known: Known | null
  readonly items: readonly ScoredCandidate[]
  readonly slateId: string
}

/** The slate as an event, with references to what it was scored by, so that training sees what scoring saw. */
function toSlate(
  request: RankRequest,
  { scorer, newId }: RankContext,
  { input, known, items, slateId }: Ranked,
): RankedSlate {
  const sent = new Map(request.candidates.map((candidate) => [candidate.itemId, candidate.features]))
  const candidates = new Map(input.candidates.map((candidate) => [candidate.itemId, candidate]))
  return {
    eventId: newId(),
    slateId,
    ranker: scorer.definition.name,
    definitionHash: scorer.definitionHash,
    modelVersion: scorer.version,
    userId: request.userId,
    occurredAt: new Date(input.occurredAtMs).toISOString(),
    context: input.context,
    ...(request.user === undefined ? {} : { user: request.user }),
    limit: request.limit ?? items.length,
    items: items.map(({ itemId, score }) => {
      const { tally, userItemTally } = candidates.get(itemId) as Candidate
      const features = sent.get(itemId)
      const version = known?.items.get(itemId)?.version ?? null
      return { itemId, score, ...(features === undefined ? {} : { features }), version, tally, userItemTally }
    }),
    userVersion: known?.user?.version ?? null,
    userTally: input.userTally,
    historyEnd: known?.historyEnd ?? 0,
  }
}
