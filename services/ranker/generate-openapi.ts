import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { createApp } from './app.ts'
import { createMetrics } from './metrics.ts'
import type { RankerService } from './service.ts'

/** The HTTP contract as text, from the route schemas. Nothing runs: routes are only declared. */
export async function openApiText(): Promise<string> {
  const service = { definitions: [], metrics: createMetrics(), newId: () => '' } as unknown as RankerService
  const app = await createApp(service, pino({ level: 'silent' }))
  await app.ready()
  const text = `${JSON.stringify(app.swagger(), null, 2)}\n`
  await app.close()
  return text
}

export const openApiFile = join(import.meta.dirname, '..', '..', 'openapi', 'polyrank.json')

if (process.argv[1] === import.meta.filename) {
  writeFileSync(openApiFile, await openApiText())
}
