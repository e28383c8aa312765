import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { freePort, get, killServices, post, type Service, startService, temporaryFolder } from './process.ts'

after(killServices)

/** Impressions of the bundled sample; the newest 15 % are measured on and not learnt. */
const impressions = 41_828
const learnt = 35_553

interface Ranked {
  readonly items: readonly { readonly itemId: string }[]
}

test('the first run loads and learns the sample; killed at every stage, the next start goes on', async () => {
  const folder = temporaryFolder()
  const port = await freePort()
  let service: Service = startService(folder, port)
  for (const stage of [/^Loading events: [3-9]/m, /^Joining events: [3-9]/m, /^Training: [4-9]/m]) {
    await service.printed(stage)
    await service.kill('SIGKILL')
    service = startService(folder, port)
  }
  await service.printed(/^Ready/m)
  const { body } = await get<{ models: { examples: number; metrics: Record<string, Record<string, number>> }[] }>(
    `${service.url}/v1/models`,
  )
  assert.equal(body.models.length, 1)
  const { examples, metrics } = body.models[0]!
  assert.deepEqual([examples, examples + metrics.click!.examples!], [learnt, impressions])
  assert.ok(metrics.click!.auc! > 0.81 && metrics.long_view!.auc! > 0.8, JSON.stringify(metrics))

  const curl = /^Rank:\ncurl -s '(\S+)' .*? -d '(.*)'$/m.exec(service.output())!
  const ranked = await post<Ranked>(curl[1]!, curl[2]!)
  assert.equal(ranked.status, 200)
  assert.equal(ranked.body.items.length, 3)
  assert.equal(await service.kill('SIGTERM'), 0, service.output())

  service = startService(folder, port)
  await service.printed(/^Ready/m)
  assert.doesNotMatch(service.output(), /Loading|Joining|Training/)
  assert.equal((await post<Ranked>(curl[1]!, curl[2]!)).status, 200)
  assert.equal(await service.kill('SIGTERM'), 0, service.output())
})
