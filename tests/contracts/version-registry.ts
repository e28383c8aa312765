import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineRanker } from '../../models/spec/define-ranker.ts'
import type { VersionRegistry } from '../../pipelines/promotion/ports.ts'
import type { Quantization } from '../../pipelines/training/quantization.ts'
import { smallRanker } from '../flows/small-world.ts'
import { startMs } from './sent.ts'
import { versionOf } from './versions.ts'

/** What every registry keeps to. Each test has rankers of its own. */
export function versionRegistryContract(open: () => Promise<VersionRegistry>): void {
  const rankerNamed = (name: string, more: Partial<Parameters<typeof defineRanker>[0]> = {}) =>
    defineRanker({ ...smallRanker, name, ...more })

  test('a version is found as it was published, and an unknown one is none', async () => {
    const registry = await open()
    const version = versionOf('found-2', { parent: 'found-1', metrics: { click: { auc: 1 / 3, logLoss: 5e-324 } } })

    await registry.publish(version)

    assert.deepEqual([await registry.find('found-2'), await registry.find('found-1')], [version, null])
  })

  test('a version keeps what int8 costs it, and one that was not asked says nothing of it', async () => {
    const registry = await open()
    const metrics = { click: { auc: 0.7499, logLoss: 0.125 } }
    const quantization: Quantization = {
      ...{ precision: 'int8', refusals: ['click: a score changes by 0.5000, more than 0.02'] },
      bounds: { mostScoreChange: 0.02, mostMetricLoss: 0.001 },
      weights: ['expert.weight'],
      examples: 40,
      scoreChanges: { click: { most: 0.5, mean: 1 / 3 } },
      ...{ sameOrder: 0.75, metrics, metricChanges: { click: { auc: -1e-4, logLoss: 0 } } },
    }
    const version = versionOf('quantized-1', { quantization })
    await registry.publish(version)
    await registry.publish(versionOf('quantized-2'))

    assert.deepEqual(await registry.find('quantized-1'), version)
    assert.ok(!('quantization' in (await registry.find('quantized-2'))!))
  })

  test('a version keeps which one it started from, and one that began anew says nothing of it', async () => {
    const registry = await open()
    const version = versionOf('started-2', { startedFrom: 'started-1' })
    await registry.publish(version)
    await registry.publish(versionOf('started-1'))

    assert.deepEqual(await registry.find('started-2'), version)
    assert.ok(!('startedFrom' in (await registry.find('started-1'))!), 'it says nothing')
  })

  test('publishing a version again is one version, at once or later, and the first stays', async () => {
    const registry = await open()
    const version = versionOf('twice', {}, rankerNamed('twice'))

    await Promise.all(Array.from({ length: 6 }, () => registry.publish(version)))
    await registry.publish({ ...version, examples: 99, createdAtMs: startMs + 99 })

    assert.deepEqual(await registry.list('twice'), [version])
  })

  test('versions of several definitions of one ranker keep each their own', async () => {
    const registry = await open()
    const [old, grown] = [
      rankerNamed('grown'),
      rankerNamed('grown', {
        features: [...smallRanker.features, { kind: 'numeric', name: 'age', scope: 'user', scale: 'log' }],
      }),
    ]
    const versions = [versionOf('grown-1', {}, old), versionOf('grown-2', { parent: 'grown-1' }, grown)]

    for (const version of versions) await registry.publish(version)

    const found = await Promise.all(versions.map(({ version }) => registry.find(version)))
    assert.notEqual(versions[0]!.definitionHash, versions[1]!.definitionHash)
    assert.deepEqual(found, versions)
  })

  test('a ranker lists its own versions, the newest hundred first', async () => {
    const registry = await open()
    const definition = rankerNamed('listed')
    const place = (i: number) => String(i).padStart(3, '0')
    // Two are made in each moment; they are listed by name.
    const created = Array.from({ length: 104 }, (_, i) =>
      versionOf(`listed-${place(i)}`, { createdAtMs: startMs + Math.floor(i / 2) }, definition),
    )
    for (const version of created) await registry.publish(version)
    await registry.publish(versionOf('unlisted', { createdAtMs: startMs + 1_000 }, rankerNamed('unlisted')))

    const listed = await registry.list('listed')

    const newestFirst = created.toSorted((a, b) => b.createdAtMs - a.createdAtMs || (a.version < b.version ? -1 : 1))
    assert.deepEqual(listed, newestFirst.slice(0, 100))
    assert.deepEqual(await registry.list('nobody'), [])
  })

  test('the newest activation counts, even in the same moment; a rollback is another one', async () => {
    const registry = await open()
    const definition = rankerNamed('active')
    for (const version of ['active-1', 'active-2']) await registry.publish(versionOf(version, {}, definition))
    await registry.publish(versionOf('elsewhere-1', {}, rankerNamed('elsewhere')))
    const activate = async (version: string, reason: string, ranker = 'active') => {
      await registry.activate({ ranker, version, reason, activatedAtMs: startMs })
      return registry.active('active')
    }

    const active = [
      await registry.active('active'),
      await activate('active-1', 'first'),
      await activate('active-2', 'better'),
      await activate('elsewhere-1', 'first', 'elsewhere'),
      await activate('active-1', 'rollback'),
    ]

    const activation = (version: string, reason: string) => ({
      ranker: 'active',
      version,
      reason,
      activatedAtMs: startMs,
    })
    assert.deepEqual(active, [
      null,
      activation('active-1', 'first'),
      activation('active-2', 'better'),
      activation('active-2', 'better'),
      activation('active-1', 'rollback'),
    ])
  })

  test('a version that was never published cannot be activated', async () => {
    const registry = await open()

    const activating = registry.activate({ ranker: 'ghost', version: 'ghost-1', reason: '', activatedAtMs: startMs })

    await assert.rejects(activating)
    assert.equal(await registry.active('ghost'), null)
  })
}
