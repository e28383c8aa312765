import assert from 'node:assert/strict'
import { test } from 'node:test'
import { causes } from './causes.ts'
import type { Machine } from './machine.ts'
import { resultOf } from './made-up-results.ts'
import { causeLines, resultsPage } from './page.ts'
import { partsOf } from './parts/all.ts'

const machine: Machine = {
  processor: 'A processor',
  cores: 2,
  vectors: ['avx2'],
  memoryGb: 8,
  system: 'Linux 6',
  node: 'v20.20.2',
}
const facts = { machine, command: 'npm run bench', date: '2026-01-02', threads: 2, causes: [] }
const aims = [
  { device: 'cpu', rival: 'X', ratio: 3 },
  { device: 'tensorflow', rival: 'X', ratio: 1 },
] as const
const missedOnCpu = resultOf({ rivals: [{ rival: 'X', ratios: [2, 2, 2] }], aims })

test('the page names the machine, the command, the threads and what each part is run by', () => {
  const page = resultsPage([missedOnCpu], facts)

  assert.match(
    page,
    /`npm run bench`, 2026-01-02\. A processor \(avx2\), 2 cores, 8 GB, Linux 6, Node v20\.20\.2; 2 threads/,
  )
  assert.match(page, /## A part\n\n`npm run bench -- --only part`\n/)
})

test('a section has ratios, aims, the checked numbers and who was left out', () => {
  const absent = { label: 'Absent', ratios: [1, 1, 1], missing: 'not installed' }
  const page = resultsPage(
    [resultOf({ rivals: [{ label: 'X', ratios: [2, 2, 2] }, absent], aims, note: 'A note.' })],
    facts,
  )

  assert.match(page, /`npm run bench -- --only part`\. A note\./)
  assert.match(page, /\| cpu \| X \(v2\) \| 2\.00 \| 2\.00 \| 2\.00 \| 3 of 3 \|/)
  assert.match(page, /\| cpu \| X \| 3\.00 \| 2\.00 \| missed \|/)
  assert.match(page, /Equal on both sides: 4\.20000\./)
  assert.match(page, /Absent was left out: not installed\./)
})

test('the cause of an aim is printed where it is missed, and nowhere else', () => {
  const cause = { part: 'part', device: 'cpu', rival: 'X', because: 'It is slow.' } as const
  const others = [
    { ...cause, device: 'tensorflow' },
    { ...cause, part: 'another' },
    { ...cause, rival: 'Y' },
  ] as const

  assert.deepEqual(causeLines(missedOnCpu, [cause, ...others]), ['Missed on cpu beside X: It is slow.'])
})

test('every cause is of an aim that there is', () => {
  const parts = partsOf({ threads: 2, seconds: 1, python: undefined })
  const known = parts.flatMap(({ name, aims: own }) => own.map(({ device, rival }) => `${name} ${device} ${rival}`))

  for (const { part, device, rival } of causes)
    assert.ok(known.includes(`${part} ${device} ${rival}`), `${part} ${device} ${rival}`)
})
