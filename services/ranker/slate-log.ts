import { Fault } from '../../models/spec/fault.ts'
import type { EventOutcome, RawRecord } from '../../pipelines/ingest/ingest.ts'
import type { SlateLog } from '../../pipelines/ranking/ports.ts'

/** Ranked slates enter as events like any other, so that they are joined, traced and kept the same way. */
export const createSlateLog = (
  take: (records: readonly RawRecord[]) => Promise<readonly EventOutcome[]>,
): SlateLog => ({
  async append(slate) {
    const bytes = new TextEncoder().encode(JSON.stringify({ type: 'slate', ...slate }))
    const [outcome] = await take([{ bytes, path: '' }])
    if (outcome?.outcome !== 'accepted') {
      throw new Fault('SLATE_NOT_LOGGED', `The slate could not be logged: ${outcome?.message}`, {
        details: { ...outcome },
      })
    }
  },
})
