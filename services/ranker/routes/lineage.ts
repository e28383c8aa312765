import Type from 'typebox'
import { Fault } from '../../../models/spec/fault.ts'
import { id } from '../../../pipelines/ingest/events.ts'
import type { ModelVersion, VersionRegistry } from '../../../pipelines/promotion/ports.ts'
import type { SlateCursor } from '../../../pipelines/retention/ports.ts'
import { problems } from '../problem.ts'
import type { App, RankerService } from '../service.ts'

const pageSlates = 100
const mostParents = 1_000

const Lineage = Type.Object({
  version: Type.String(),
  ranker: Type.String(),
  definitionHash: Type.String(),
  parents: Type.Array(Type.String(), { description: 'The version that served when this one was trained, and so on' }),
  trainedFrom: Type.String(),
  trainedTo: Type.String({ description: 'Event time of what was learnt: from <= occurredAt < to' }),
  readAt: Type.String({ description: 'When training began to read; what was joined later it has not learnt' }),
  examples: Type.Integer({ description: 'That were learnt' }),
  files: Type.Array(Type.Object({ name: Type.String(), sha256: Type.String(), sizeBytes: Type.Integer() })),
  kept: Type.Union(
    [
      Type.Object({
        users: Type.Integer(),
        slates: Type.Integer(),
        examples: Type.Integer({ description: 'Those whose time for feedback was not over then are among them' }),
        bySource: Type.Array(Type.Object({ source: Type.String(), examples: Type.Integer() })),
        byDay: Type.Array(Type.Object({ day: Type.String(), examples: Type.Integer() })),
      }),
      Type.Null(),
    ],
    { description: 'What is left of it today; on the first page only' },
  ),
  slates: Type.Array(
    Type.Object({
      slateId: Type.String(),
      source: Type.String(),
      occurredAt: Type.String(),
      examples: Type.Integer(),
      eventIds: Type.Array(Type.String(), {
        description: 'The slate, its impressions and its feedback, as long as what they say is kept',
      }),
    }),
  ),
  next: Type.Union([Type.String(), Type.Null()], { description: 'Give it as `after` for the next page' }),
})

const iso = (ms: number) => new Date(ms).toISOString()

export function lineageRoutes(app: App, { registry, lineage }: RankerService): void {
  app.get(
    '/v1/models/:version/lineage',
    {
      schema: {
        tags: ['models'],
        operationId: 'getLineage',
        summary: 'What a version was made of',
        params: Type.Object({ version: id }),
        querystring: Type.Object({
          after: Type.Optional(Type.String({ pattern: '^-?\\d{1,15}:.', description: '`next` of the page before' })),
        }),
        response: { 200: Lineage, ...problems },
      },
    },
    async ({ params, query }) => {
      const version = await registry.find(params.version)
      if (version === null) {
        throw new Fault('VERSION_UNKNOWN', `There is no version "${params.version}"; GET /v1/models lists them.`, {
          path: '/version',
          status: 404,
        })
      }
      const after = query.after === undefined ? null : toCursor(query.after)
      const { slates, next } = await lineage.slates(version, after, pageSlates)
      const kept = after === null ? await lineage.count(version) : null
      return {
        version: version.version,
        ranker: version.ranker,
        definitionHash: version.definitionHash,
        parents: await parentsOf(version, registry),
        trainedFrom: iso(version.trainedFromMs),
        trainedTo: iso(version.trainedToMs),
        readAt: iso(version.readAtMs),
        examples: version.examples,
        files: [...version.files],
        kept: kept === null ? null : { ...kept, bySource: [...kept.bySource], byDay: [...kept.byDay] },
        slates: slates.map(({ occurredAtMs, eventIds, ...slate }) => ({
          ...slate,
          occurredAt: iso(occurredAtMs),
          eventIds: [...eventIds],
        })),
        next: next === null ? null : `${next.occurredAtMs}:${next.slateId}`,
      }
    },
  )
}

function toCursor(text: string): SlateCursor {
  const colon = text.indexOf(':')
  return { occurredAtMs: Number(text.slice(0, colon)), slateId: text.slice(colon + 1) }
}

async function parentsOf(version: ModelVersion, registry: Pick<VersionRegistry, 'find'>): Promise<string[]> {
  const parents: string[] = []
  for (let { parent } = version; parent !== null && !parents.includes(parent) && parents.length < mostParents; ) {
    parents.push(parent)
    parent = (await registry.find(parent))?.parent ?? null
  }
  return parents
}
