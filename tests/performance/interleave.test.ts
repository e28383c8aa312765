import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasRun, interleave, type Outcome } from './interleave.ts'
import type { PeerSpec } from './peer.ts'

/** A program that answers every line of input with the next of `times`. */
const fake = (label: string, times: readonly number[], check: readonly number[] = [1, 2]): PeerSpec => ({
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
const ran = (outcome: Outcome<PeerSpec> | undefined) => {
  assert.ok(outcome !== undefined && hasRun(outcome))
  return outcome
}
const timesOf = (outcome: Outcome<PeerSpec> | undefined) => ran(outcome).taken.map(({ ms }) => ms)

test('each round has a measurement of every program', async () => {
  const many = (first: number) => Array.from({ length: 10 }, (_, i) => first * (i + 1))

  const [ours, slow] = await interleave([fake('ours', many(1)), fake('slow', many(3))], 2, silent)

  assert.deepEqual(timesOf(ours).slice(0, 2), [1, 2])
  assert.deepEqual(timesOf(slow).slice(0, 2), [3, 6])
  assert.equal(timesOf(ours).length, timesOf(slow).length)
  assert.deepEqual([ran(slow).spec.label, ran(slow).version, ran(slow).check], ['slow', 'fake 1', [1, 2]])
})

test('rounds are taken until enough were quiet throughout, and no more than twice as many', async () => {
  const roundsBeside = async (cores: readonly number[]) => {
    const left = [...cores]
    const watch = async <T>(work: () => Promise<T>) => ({ result: await work(), foreignCores: left.shift()! })
    const pair = [fake('ours', [1, 1, 1, 1]), fake('theirs', [2, 2, 2, 2])]
    const [, theirs] = await interleave(pair, 2, silent, watch)
    return timesOf(theirs).length
  }

  assert.equal(await roundsBeside([0, 0, 0, 0]), 2)
  // The first round was disturbed while the other program worked.
  assert.equal(await roundsBeside([0, 1, 0, 0, 0, 0]), 3)
  assert.equal(await roundsBeside([1, 1, 1, 1, 1, 1, 1, 1]), 4)
})

test('a program that cannot run is left out, with its reason, and the others go on', async () => {
  const absent = writes('absent', JSON.stringify({ missing: 'not installed' }))
  const known = { ...fake('known', []), missing: 'no Python' }

  const outcomes = await interleave([fake('ours', [1, 1]), absent, known, fake('there', [4, 4])], 1, silent)

  assert.deepEqual(outcomes[1], { spec: absent, missing: 'not installed' })
  assert.deepEqual(outcomes[2], { spec: known, missing: 'no Python' })
  assert.equal(timesOf(outcomes[3])[0], 4)
})

test('a program alone is not measured: there is nothing to compare', async () => {
  const [alone] = await interleave([fake('alone', [1, 1])], 1, silent)

  assert.deepEqual(timesOf(alone), [])
})

test('a program that ends too early is an error that names it', async () => {
  const short = writes('short', JSON.stringify({ version: 'fake 1', check: [1, 2] }))

  await assert.rejects(interleave([fake('ours', [1, 1]), short], 1, silent), /short ended before its next line/)
})

test('a program that is not there is an error', async () => {
  const nowhere: PeerSpec = { label: 'nowhere', command: ['/no/such/program'] }

  await assert.rejects(interleave([fake('ours', [1]), nowhere], 1, silent), { code: 'ENOENT' })
})
