import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import { createProgressView } from '../../../services/standalone/progress.ts'

function plainView() {
  const written: string[] = []
  const view = createProgressView({
    write(text: string | Uint8Array) {
      written.push(String(text))
      return true
    },
  })
  return { view, lines: () => written.join('').split('\n').slice(0, -1) }
}

/** A terminal, and what is on it: without cursor movements and colours. */
function terminalView() {
  const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 120 })
  let written = ''
  terminal.on('data', (chunk) => {
    written += String(chunk)
  })
  const view = createProgressView(terminal)
  return { view, shown: () => stripVTControlCharacters(written) }
}

test('without a terminal a stage is a line at its start and at every quarter', () => {
  const { view, lines } = plainView()

  for (let done = 0; done <= 2_000; done++) view.show('Loading events', done, 2_000)

  assert.deepEqual(lines(), [
    'Loading events: 0 of 2,000',
    'Loading events: 500 of 2,000',
    'Loading events: 1,000 of 2,000',
    'Loading events: 1,500 of 2,000',
    'Loading events: 2,000 of 2,000',
  ])
})

test('without a terminal another stage starts a line at once, with its note', () => {
  const { view, lines } = plainView()

  view.show('Training', 3, 10, 'pass 1')
  view.show('Training', 4, 10, 'pass 2')
  view.show('Writing', 0, 1)
  view.show('Training', 4, 10, 'pass 2')

  assert.deepEqual(lines(), ['Training: 3 of 10 (pass 1)', 'Writing', 'Training: 4 of 10 (pass 2)'])
})

test('without a terminal a stage of nothing is done at once', () => {
  const { view, lines } = plainView()

  view.show('Joining events', 0, 0)
  view.show('Joining events', 0, 0)

  assert.deepEqual(lines(), ['Joining events'])
})

test('a line of its own stands by itself, and the stage goes on after it', () => {
  const { view, lines } = plainView()

  view.show('Training', 1, 10)
  view.say('Listening')
  view.show('Training', 1, 10)
  view.end()

  assert.deepEqual(lines(), ['Training: 1 of 10', 'Listening', 'Training: 1 of 10'])
})

test('on a terminal a stage is a bar with its share and its note', () => {
  const { view, shown } = terminalView()

  view.show('Training', 1, 4, 'pass 1')
  view.end()

  assert.match(shown(), /^Training .* 25 % .*· pass 1/m)
})

test('on a terminal a stage goes never beyond its end, and back where there is more to do', () => {
  const [beyond, grown] = [terminalView(), terminalView()]

  beyond.view.show('Training', 9, 4)
  beyond.view.end()
  grown.view.show('Reading', 5, 5)
  grown.view.show('Reading', 5, 10)
  grown.view.end()

  assert.match(beyond.shown(), / 100 % /)
  assert.match(grown.shown(), / 50 % /)
  assert.doesNotMatch(grown.shown(), / 100 % /)
})

test('on a terminal another stage and a line of its own end the bar before', () => {
  const { view, shown } = terminalView()

  view.show('Reading', 1, 2)
  view.show('Training', 1, 2)
  view.say('Stopping')
  view.end()

  assert.match(shown(), /Reading(.|\n)*\n.*Training(.|\n)*\nStopping\n$/)
})
