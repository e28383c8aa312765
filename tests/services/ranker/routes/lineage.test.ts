import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LineageStore } from '../../../../pipelines/retention/ports.ts'
import { versionOf } from '../../../contracts/versions.ts'
import { fakeService, testApp } from '../fake-service.ts'

const versions = ['v1', 'v2', 'v3'].map((name, i) =>
  versionOf(name, { parent: i === 0 ? null : `v${i}`, trainedFromMs: 0, trainedToMs: 1_000, readAtMs: 2_000 }),
)
const registry = {
  ...fakeService().registry,
  find: async (name: string) => versions.find(({ version }) => version === name) ?? null,
}
const counts = {
  users: 2,
  slates: 3,
  examples: 5,
  bySource: [{ source: 'kafka', examples: 5 }],
  byDay: [{ day: '1970-01-01', examples: 5 }],
}
const slate = { slateId: 's:1', source: 'kafka', occurredAtMs: 7, examples: 2, eventIds: ['e1', 'e2'] }

test('the lineage of a version has its parents, its files, what is left of what it learnt, and a page of slates', async () => {
  const lineage: LineageStore = {
    count: async () => counts,
    slates: async () => ({ slates: [slate], next: { occurredAtMs: 7, slateId: 's:1' } }),
  }
  const { app } = await testApp({ registry, lineage })

  const answer = (await app.inject({ url: '/v1/models/v3/lineage' })).json()

  assert.deepEqual(answer, {
    version: 'v3',
    ranker: 'small',
    definitionHash: versions[0]!.definitionHash,
    parents: ['v2', 'v1'],
    trainedFrom: '1970-01-01T00:00:00.000Z',
    trainedTo: '1970-01-01T00:00:01.000Z',
    readAt: '1970-01-01T00:00:02.000Z',
    examples: 12,
    files: versions[0]!.files,
    kept: counts,
    slates: [
      {
        slateId: 's:1',
        source: 'kafka',
        occurredAt: '1970-01-01T00:00:00.007Z',
        examples: 2,
        eventIds: ['e1', 'e2'],
      },
    ],
    next: '7:s:1',
  })
  await app.close()
})

test('a further page begins after its cursor, and counts nothing again', async () => {
  const asked: unknown[] = []
  const lineage: LineageStore = {
    count: async () => assert.fail('counted again'),
    slates: async (version, after, limit) => {
      asked.push([version.version, after, limit])
      return { slates: [], next: null }
    },
  }
  const { app } = await testApp({ registry, lineage })

  const { kept, next } = (await app.inject({ url: '/v1/models/v1/lineage?after=7:s:1' })).json()

  assert.deepEqual([kept, next], [null, null])
  assert.deepEqual(asked, [['v1', { occurredAtMs: 7, slateId: 's:1' }, 100]])
  await app.close()
})

test('a version that there is not, and a cursor that is none, are problems', async () => {
  const { app } = await testApp({ registry })

  const [unknown, invalid] = await Promise.all(
    ['/v1/models/v9/lineage', '/v1/models/v1/lineage?after=yesterday'].map((url) => app.inject({ url })),
  )

  assert.deepEqual([unknown!.statusCode, unknown!.json().code], [404, 'VERSION_UNKNOWN'])
  assert.deepEqual([invalid!.statusCode, invalid!.json().code], [400, 'REQUEST_INVALID'])
  await app.close()
})
