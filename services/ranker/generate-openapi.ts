import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pino } from 'pino'
import { eventSchemas } from '../../pipelines/ingest/events.ts'
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

const folder = join(import.meta.dirname, '..', '..', 'openapi')
export const openApiFile = join(folder, 'polyrank.json')

/** The JSON Schema of each event, by its file. */
export function eventSchemaTexts(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(eventSchemas).map(([type, schema]) => {
      const whole = {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        title: `polyrank ${type} event`,
        ...schema,
      }
      return [join(folder, 'events', `${type}.json`), `${JSON.stringify(whole, null, 2)}\n`]
    }),
  )
}

if (process.argv[1] === import.meta.filename) {
  for (const [file, text] of [[openApiFile, await openApiText()] as const, ...eventSchemaTexts()]) {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
}
