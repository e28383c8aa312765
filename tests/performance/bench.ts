/** `npm run bench`: polyrank beside PyTorch and TensorFlow.js, in one run, as ratios. */
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { DeviceName } from '../../models/engine/device.ts'
import { causes } from './causes.ts'
import { describeMachine } from './machine.ts'
import { causeLines, resultsPage } from './page.ts'
import type { Part } from './part.ts'
import { isSound, type PartResult, runPart } from './part-result.ts'
import { choose, partsOf } from './parts/all.ts'
import { devices } from './parts/programs.ts'
import { aimTable, missingLines, rateTable, ratioTable, toText } from './report.ts'

const help = `npm run bench -- [options]

  --only PART      parts whose name begins so; --list names them
  --device NAME    polyrank on this device alone: ${devices.join(' or ')}
  --rounds N       quiet rounds to take (default 7)
  --seconds N      length of one measurement (default 1)
  --threads N      of every side (default: the machine's cores)
  --json           everything that was measured, as JSON
  --list           the parts, what each is compared with, and what it aims at
  --write          rewrites tests/performance/RESULTS.md; needs every part and device, and a quiet machine

All of it takes some twenty minutes on two cores; the first time some more, as torch.compile fills its cache.

PyTorch takes part where TEST_PYTHON names a Python that has torch and numpy (torch.compile needs g++ too):
  python3 -m venv v && v/bin/pip install torch numpy
  TEST_PYTHON=v/bin/python npm run bench
TensorFlow takes part, as a device and beside it, after:
  npm run setup:tensorflow

A part alone, quickly, to see that it works:
  npm run bench -- --only scoring --device cpu --rounds 3 --seconds 0.5`

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    device: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '1' },
    threads: { type: 'string', default: `${availableParallelism()}` },
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

const [rounds, seconds, threads] = (['rounds', 'seconds', 'threads'] as const).map((name) => {
  const number = Number(values[name])
  if (!(number > 0)) throw new RangeError(`--${name} is ${values[name]}; give a number above 0.`)
  return number
}) as [number, number, number]

/** Notes of progress go to standard error, so that standard output is the result alone. */
const log = (line: string) => console.error(line)

function print(result: PartResult): void {
  console.log(`\n${result.part.title}`)
  for (const table of [ratioTable(result), aimTable(result), rateTable(result)])
    if (table.length > 0) console.log(`${toText(table)}\n`)
  for (const line of [...causeLines(result, causes), ...missingLines(result)]) console.log(`  ${line}`)
}

function list(parts: readonly Part[]): void {
  for (const { name, title, rivals, aims } of parts) {
    console.log(`${name}\n  ${title}`)
    for (const { label } of rivals) console.log(`  beside ${label}`)
    for (const { device, rival, ratio } of aims) console.log(`  aim on ${device}: ${ratio.toPrecision(3)} x ${rival}`)
  }
}

/** The part's result, or null where a program broke: the others are measured all the same. */
async function tryPart(part: Part): Promise<PartResult | null> {
  log(part.name)
  try {
    return await runPart(part, rounds, log)
  } catch (error) {
    log(`${part.name} broke: ${error instanceof Error ? error.message : error}`)
    return null
  }
}

async function main(): Promise<void> {
  if (values.help) return console.log(help)
  const all = partsOf({ threads, seconds, python: process.env.TEST_PYTHON })
  const chosen = choose(all, { only: values.only, device: values.device as DeviceName | undefined })
  if (chosen.length === 0) throw new RangeError(`No part is named so, or has that device.\n${help}`)
  if (values.list) return list(chosen)
  const results: PartResult[] = []
  for (const part of chosen) {
    const result = await tryPart(part)
    if (result === null) continue
    results.push(result)
    if (!values.json) print(result)
  }
  const machine = describeMachine()
  if (values.json) console.log(JSON.stringify({ machine, threads, results }, null, 2))
  const sound = results.length === chosen.length && results.every(isSound)
  if (!sound) {
    log('\nNot to be used: CONTENDED has fewer than 3 quiet rounds, OTHER WORK has other numbers than polyrank.')
    process.exitCode = 1
  }
  if (!values.write) return
  const isWhole = chosen.length === all.length && values.device === undefined
  if (!sound || !isWhole) return log('Nothing was written: that needs every part and device, all of them sound.')
  const date = new Date().toISOString().slice(0, 10)
  const page = resultsPage(results, { machine, command: 'npm run bench -- --write', date, threads, causes })
  writeFileSync(join(import.meta.dirname, 'RESULTS.md'), page)
}

await main()
