import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '../../../models/spec/fault.ts'
import { defaultEvents, readEventSettings } from '../../../pipelines/ingest/event-settings.ts'

function refusal(value: unknown): readonly [string | undefined, string] {
  try {
    readEventSettings(value)
  } catch (fault) {
    assert.ok(fault instanceof Fault)
    assert.deepEqual([fault.code, fault.status], ['CONFIG_INVALID', 400])
    assert.ok(fault.message.startsWith(fault.path!), fault.message)
    return [fault.path, fault.message]
  }
  return assert.fail(`${JSON.stringify(value)} was taken`)
}

test('what is left out has its default', () => {
  assert.deepEqual(readEventSettings(), defaultEvents)
  assert.deepEqual(readEventSettings({ late: undefined, orphanDays: undefined }), defaultEvents)
  assert.deepEqual(readEventSettings({ latenessMs: 0, late: 'ignore', eventDays: 30 }), {
    ...defaultEvents,
    ...{ latenessMs: 0, late: 'ignore', eventDays: 30 },
  })
})

test('what is not known is named, with what there is', () => {
  const [path, message] = refusal({ lateness: 1 })

  assert.equal(path, 'events.lateness')
  assert.match(message, /latenessMs, late, orphanDays, eventDays, ledgerDays, exampleDays/)
  for (const value of [null, [], 'late', 7]) assert.equal(refusal(value)[0], 'events')
})

test('values that cannot be are refused, with what they must be', () => {
  assert.match(refusal({ late: 'drop' })[1], /"drop"; it must be one of amend, ignore/)
  assert.match(refusal({ latenessMs: -1 })[1], /-1; it must be a whole number of at least 0/)
  for (const name of ['orphanDays', 'eventDays', 'ledgerDays', 'exampleDays'])
    for (const value of [0, 1.5, '7', Number.NaN, Number.POSITIVE_INFINITY, null, {}])
      assert.equal(refusal({ [name]: value })[0], `events.${name}`)
})

test('nothing waits longer than it can be read, and no id is forgotten before what it names', () => {
  assert.match(refusal({ orphanDays: 91 })[1], /^events\.orphanDays is 91, more than events\.eventDays, 90/)
  assert.match(refusal({ ledgerDays: 89 })[1], /^events\.eventDays is 90, more than events\.ledgerDays, 89/)
  assert.equal(readEventSettings({ orphanDays: 90, ledgerDays: 90 }).ledgerDays, 90)
})
