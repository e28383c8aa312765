import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { eventTypes } from '../../../pipelines/ingest/events.ts'
import { eventSchemaTexts, openApiFile, openApiText } from '../../../services/ranker/generate-openapi.ts'

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly schema?: object
}
interface Operation {
  readonly operationId?: string
  readonly summary?: string
  readonly tags?: readonly string[]
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> }
  readonly responses: Record<
    string,
    { readonly description?: string; readonly content?: Record<string, { schema?: object }> }
  >
}
interface Contract {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly tags: readonly { readonly name: string }[]
  readonly paths: Record<string, Record<string, Operation>>
}
interface Declared extends Operation {
  /** `get /v1/jobs/{id}` */
  readonly place: string
  readonly path: string
}

const text = await openApiText()
const contract: Contract = JSON.parse(text)
const operations: readonly Declared[] = Object.entries(contract.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ ...operation, path, place: `${method} ${path}` })),
)
const wayOut = 'Run `npm run generate`, and look at what it changes.'

/** What a document breaks of OpenAPI 3.1's rules on references, parameters, ids and responses; empty for none. */
function faultsOf(document: Contract): string[] {
  const faults: string[] = []
  const visit = (value: unknown, place: string): void => {
    if (value === null || typeof value !== 'object') return
    const { $ref } = value as { $ref?: unknown }
    if (typeof $ref === 'string' && resolve($ref, document) === undefined)
      faults.push(`${place}: ${$ref} leads nowhere`)
    for (const [name, inner] of Object.entries(value)) visit(inner, `${place}/${name}`)
  }
  visit(document, '')
  if (!/^3\.1\.\d+$/.test(document.openapi)) faults.push(`openapi is ${document.openapi}`)
  const ids = new Set<string>()
  for (const [path, methods] of Object.entries(document.paths)) {
    if (!path.startsWith('/')) faults.push(`${path} does not start with /`)
    for (const [method, { operationId = '', parameters = [], responses }] of Object.entries(methods)) {
      const place = `${method} ${path}`
      if (operationId === '' || ids.has(operationId)) faults.push(`${place}: operationId "${operationId}"`)
      ids.add(operationId)
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name)
      const declared = parameters.filter((parameter) => parameter.in === 'path')
      if (named.join() !== declared.map(({ name }) => name).join()) faults.push(`${place}: path parameters`)
      if (declared.some(({ required, schema }) => required !== true || schema === undefined))
        faults.push(`${place}: parameter`)
      for (const [status, { description = '' }] of Object.entries(responses)) {
        if (!/^([1-5]\d\d|[1-5]XX|default)$/.test(status)) faults.push(`${place}: status ${status}`)
        if (description === '') faults.push(`${place}: ${status} is not described`)
      }
    }
  }
  return faults
}

const resolve = (reference: string, document: unknown): unknown =>
  reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>((value, part) => (value as Record<string, unknown> | undefined)?.[part], document)

test('the contract that is checked in is the one that the routes make', () => {
  assert.equal(readFileSync(openApiFile, 'utf8'), text, `openapi/polyrank.json is stale. ${wayOut}`)
})

test('the schemas of events that are checked in are those that events are checked by, one a type', () => {
  const texts = eventSchemaTexts()

  assert.equal(texts.size, eventTypes.length)
  for (const [file, made] of texts) assert.equal(readFileSync(file, 'utf8'), made, `${file} is stale. ${wayOut}`)
  const folder = join(dirname(openApiFile), 'events')
  assert.deepEqual(readdirSync(folder).sort(), eventTypes.map((type) => `${type}.json`).sort())
})

test('the contract is a valid OpenAPI 3.1 document', () => {
  assert.deepEqual(faultsOf(contract), [])
  assert.ok(text.includes('"$ref"'), 'there is at least one reference to resolve')
})

test('a broken document is told by each of its faults', () => {
  const broken: Contract = {
    ...contract,
    openapi: '3.0.3',
    paths: {
      '/a/{b}': { get: { operationId: 'same', responses: { 'so-so': { description: 'x' } } } },
      c: {
        get: {
          operationId: 'same',
          responses: { 200: { content: { x: { schema: { $ref: '#/components/schemas/Nothing' } } } } },
        },
      },
    },
  }

  assert.deepEqual(faultsOf(broken), [
    '/paths/c/get/responses/200/content/x/schema: #/components/schemas/Nothing leads nowhere',
    'openapi is 3.0.3',
    'get /a/{b}: path parameters',
    'get /a/{b}: status so-so',
    'c does not start with /',
    'get c: operationId "same"',
    'get c: 200 is not described',
  ])
})

test('every route says what it does, under a tag that the contract explains', () => {
  const tags = contract.tags.map(({ name }) => name)
  for (const { place, summary, tags: own = [] } of operations) {
    assert.ok(summary !== undefined && summary.length > 5, `${place} has no summary`)
    assert.ok(own.length === 1 && tags.includes(own[0]!), `${place} has the tags ${own}`)
  }
})

test('every route says what it answers, problems included', () => {
  for (const { place, responses } of operations) {
    const success = Object.entries(responses).filter(([status]) => status.startsWith('2'))
    assert.equal(success.length, 1, place)
    for (const { schema } of Object.values(success[0]![1].content ?? {})) assert.ok(schema !== undefined, place)
    assert.ok(Object.keys(success[0]![1].content ?? {}).length > 0, place)
    for (const status of ['4XX', '5XX'])
      assert.deepEqual(
        responses[status]?.content,
        { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        `${place} ${status}`,
      )
  }
})

test('what a route takes is described for each media type that it takes', () => {
  const taken = operations.flatMap(({ place, requestBody }) =>
    requestBody === undefined ? [] : [[place, Object.keys(requestBody.content)] as const],
  )

  assert.deepEqual(Object.fromEntries(taken), {
    'post /v1/rank': ['application/json'],
    'post /v1/jobs': ['application/json'],
    'post /v1/events': ['application/json', 'application/x-ndjson'],
    'post /v1/dead-letters/{id}/replay': ['application/json'],
  })
})

test('the contract lists the routes that users call, and no others', () => {
  assert.deepEqual(operations.map(({ place }) => place).sort(), [
    'delete /v1/dead-letters/{id}',
    'get /livez',
    'get /metrics',
    'get /readyz',
    'get /v1/dead-letters',
    'get /v1/dead-letters/{id}',
    'get /v1/events',
    'get /v1/events/{eventId}',
    'get /v1/jobs',
    'get /v1/jobs/{id}',
    'get /v1/models',
    'get /v1/models/{version}/lineage',
    'get /v1/rankers',
    'post /v1/dead-letters/{id}/replay',
    'post /v1/events',
    'post /v1/jobs',
    'post /v1/jobs/{id}/cancel',
    'post /v1/models/{version}/activate',
    'post /v1/rank',
  ])
})
