import assert from 'node:assert/strict'
import { test } from 'node:test'
import { interleave, type Outcome } from './interleave.ts'
import type { PeerSpec } from './peer.ts'

/** A peer that answers every line of input with the next of `times`. */
const fakePeer = (label: string, times: readonly number[], check: readonly number[] = [1, 2]): PeerSpec => ({
  label,
  command: [
    process.execPath,
    '-e',
    `const times = ${JSON.stringify(times)}
    console.log(JSON.stringify({ version: 'fake 1', check: ${JSON.stringify(check)} }))
    require('node:readline').createInterface({ input: process.stdin })
      .on('line', () => console.log(JSON.stringify({ ms: times.shift(), steps: 1 })))`,
  ],
})
const writes = (label: string, text: string): PeerSpec => ({
  label,
  command: [process.execPath, '-e', `console.log(${JSON.stringify(text)})`],
})
const silent = () => {}
const measured = (outcome: Outcome | undefined) => {
  assert.ok(outcome !== undefined && !('missing' in outcome))
  return outcome
}

test('each round pairs our measurement with that of every peer', async () => {
  const many = (first: number) => Array.from({ length: 10 }, (_, i) => first * (i + 1))

  const { ours, outcomes } = await interleave(
    fakePeer('ours', many(1)),
    [fakePeer('slow', many(3)), fakePeer('fast', many(0.5))],
    2,
    silent,
  )

  assert.deepEqual(ours, { version: 'fake 1', check: [1, 2] })
  const [slow, fast] = outcomes.map(measured)
  assert.deepEqual([slow!.label, slow!.comparison.ratio.least, slow!.comparison.ratio.greatest], ['slow', 3, 3])
  assert.deepEqual([fast!.label, fast!.comparison.ratio.median], ['fast', 0.5])
  assert.deepEqual(
    slow!.pairs.slice(0, 2).map((pair) => [pair.ours.ms, pair.theirs.ms]),
    [
      [1, 3],
      [2, 6],
    ],
  )
})

test('no more than twice the wanted rounds are tried', async () => {
  const { outcomes } = await interleave(fakePeer('ours', [1, 1, 1]), [fakePeer('theirs', [2, 2, 2])], 1, silent)

  const { rounds } = measured(outcomes[0]).comparison
  assert.ok(rounds >= 1 && rounds <= 2, `${rounds} rounds`)
})

test('a peer with other numbers is seen to do other work', async () => {
  const others = [fakePeer('same', [1, 1], [1, 2.00001]), fakePeer('other', [1, 1], [1, 2.1])]

  const { outcomes } = await interleave(fakePeer('ours', [1, 1]), others, 1, silent)

  assert.deepEqual(
    outcomes.map((outcome) => measured(outcome).sameWork),
    [true, false],
  )
})

test('a peer that cannot run is left out, with its reason, and the others go on', async () => {
  const absent = writes('absent', JSON.stringify({ missing: 'not installed' }))

  const { outcomes } = await interleave(fakePeer('ours', [1, 1]), [absent, fakePeer('there', [4, 4])], 1, silent)

  assert.equal(measured(outcomes[0]).label, 'there')
  assert.deepEqual(outcomes[1], { label: 'absent', missing: 'not installed' })
})

test('a peer that ends too early is an error that names it', async () => {
  const short = writes('short', JSON.stringify({ version: 'fake 1', check: [1, 2] }))

  await assert.rejects(interleave(fakePeer('ours', [1, 1]), [short], 1, silent), /short ended before its next line/)
})

test('a program that is not there is an error', async () => {
  const nowhere: PeerSpec = { label: 'nowhere', command: ['/no/such/program'] }

  await assert.rejects(interleave(fakePeer('ours', [1]), [nowhere], 1, silent), { code: 'ENOENT' })
})
