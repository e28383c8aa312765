import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createErrorReader, type ServerError } from '../../../../services/adapters/embedded/server-errors.ts'
import { dataRow, errorResponse, readyForQuery } from './wire.ts'

function errorsIn(pieces: readonly Uint8Array[]): ServerError[] {
  const errors: ServerError[] = []
  const read = createErrorReader((error) => errors.push(error))
  for (const piece of pieces) read(piece)
  return errors
}

test('an error is read with its severity, code and message', () => {
  const answer = Buffer.concat([dataRow('1'), errorResponse('PANIC', '53100', 'No space — left'), readyForQuery])

  const errors = errorsIn([answer])

  assert.deepEqual(errors, [{ severity: 'PANIC', code: '53100', message: 'No space — left' }])
})

test('a row that holds the text of an error is none', () => {
  const row = dataRow(errorResponse('PANIC', '53100', 'forged').toString('latin1'))

  const errors = errorsIn([row, readyForQuery])

  assert.deepEqual(errors, [])
})

test('an error whose end has not come yet is not told', () => {
  const whole = errorResponse('FATAL', '57P01', 'terminated')

  const errors = errorsIn([whole.subarray(0, whole.length - 1)])

  assert.deepEqual(errors, [])
})

test('errors are found wherever the stream is cut', () => {
  const text = fc.string({ maxLength: 20 }).map((each) => each.replaceAll('\u0000', ''))
  const error = fc
    .tuple(fc.constantFrom('ERROR', 'FATAL', 'PANIC'), text)
    .map(([severity, message]) => ({ severity, code: '53100', message }))
  const message = fc.oneof(
    error.map((sent) => ({ sent, bytes: errorResponse(sent.severity, sent.code, sent.message) })),
    fc.oneof(text.map(dataRow), fc.constant(readyForQuery)).map((bytes) => ({ sent: null, bytes })),
  )
  fc.assert(
    fc.property(fc.array(message), fc.infiniteStream(fc.integer({ min: 1, max: 12 })), (messages, sizes) => {
      const stream = Buffer.concat(messages.map(({ bytes }) => bytes))
      const pieces: Uint8Array[] = []
      for (let at = 0; at < stream.length; at += pieces.at(-1)!.length) {
        pieces.push(stream.subarray(at, at + sizes.next().value))
      }

      const errors = errorsIn(pieces)

      assert.deepEqual(
        errors,
        messages.flatMap(({ sent }) => (sent === null ? [] : [sent])),
      )
    }),
    { numRuns: 300 },
  )
})
