import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drop, type IngestContext, ingest, replay } from '../../pipelines/ingest/ingest.ts'
import type { DeadLetters, EventLedger, IngestStore } from '../../pipelines/ingest/ports.ts'
import { at, record, startMs } from './sent.ts'

export interface LetterPorts {
  readonly store: IngestStore
  readonly ledger: EventLedger
  readonly deadLetters: DeadLetters
}

/** How a dead letter ends. */
export function deadLetterContract(open: () => Promise<LetterPorts>): void {
  const begin = async (source: string) => {
    const ports = await open()
    const context: IngestContext = { store: ports.store, rankers: ['r'], source, nowMs: () => startMs + 9 }
    const good = { type: 'item', eventId: source, occurredAt: at(0), itemId: 'i1' }
    await ingest([record({ ...good, colour: 1 })], context)
    const [letter] = await ports.deadLetters.list(null)
    return { ...ports, context, good, id: letter!.id, bytesOf: (value: unknown) => record(value).bytes }
  }

  test('a letter that is replayed in vain stays with what was sent last; mended, its event goes in and it ends', async () => {
    const { store, context, ledger, deadLetters, good, id, bytesOf } = await begin('letter-mended')

    await replay(id, bytesOf({ ...good, size: 1 }), { ...context, store })
    const inVain = await deadLetters.find(id)
    const { outcome } = await replay(id, bytesOf(good), { ...context, store })

    assert.deepEqual([inVain!.path, inVain!.attempts, inVain!.resolution], ['/size', 2, null])
    assert.equal(JSON.parse(Buffer.from(inVain!.payload).toString('utf8')).size, 1)
    assert.equal(outcome, 'accepted')
    const trail = await ledger.trail('letter-mended')
    assert.ok(trail?.state === 'pending' && trail.source === 'letter-mended')
    const ended = await deadLetters.find(id)
    assert.deepEqual([ended!.resolution, ended!.resolvedAtMs], ['replayed', startMs + 9])
    assert.equal((await replay(id, null, context)).outcome, 'unknown')
  })

  test('a letter that is dropped is listed no more, and its payload is gone', async () => {
    const { context, deadLetters, id } = await begin('letter-dropped')

    const ends = [await drop(id, context), await drop(id, context)]

    assert.deepEqual(ends, [true, false])
    const ended = await deadLetters.find(id)
    assert.deepEqual([ended!.resolution, ended!.payload.length], ['dropped', 0])
    assert.ok((await deadLetters.list(null)).every((each) => each.id !== id))
  })

  test('of several who replay or drop one letter at once, one does', async () => {
    const { context, good, id, bytesOf } = await begin('letter-raced')

    const ends = await Promise.all([
      ...[1, 2, 3].map(async () => (await replay(id, bytesOf(good), context)).outcome === 'accepted'),
      ...[1, 2, 3].map(() => drop(id, context)),
    ])

    assert.equal(ends.filter(Boolean).length, 1)
  })
}
