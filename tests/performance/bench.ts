/** `npm run bench`: polyrank beside PyTorch and TensorFlow.js, in one run, as ratios. */
import { writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { interleave } from './interleave.ts'
import { describeMachine } from './machine.ts'
import { type Part, partsOf } from './parts.ts'
import { isSound, missingLines, type PartResult, rateTable, ratioTable, resultsPage, toText } from './report.ts'

const help = `npm run bench -- [options]

  --only PART      one part: training, scoring or limit
  --rounds N       quiet rounds to take (default 7)
  --seconds N      length of one measurement (default 2)
  --threads N      of every side (default: the machine's cores)
  --json           everything that was measured, as JSON
  --write          rewrites tests/performance/RESULTS.md; needs every part, and a quiet machine

PyTorch takes part where TEST_PYTHON names a Python that has torch and numpy:
  python3 -m venv v && v/bin/pip install torch numpy
  TEST_PYTHON=v/bin/python npm run bench`

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '2' },
    threads: { type: 'string', default: `${availableParallelism()}` },
    json: { type: 'boolean', default: false },
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

async function runPart(part: Part): Promise<PartResult> {
  log(part.title)
  const absent = part.peers.flatMap(({ label, missing }) => (missing === undefined ? [] : [{ label, missing }]))
  const present = part.peers.filter(({ missing }) => missing === undefined)
  const { ours, outcomes } = await interleave(part.ours, present, rounds, log)
  return { part, ours, outcomes: [...outcomes, ...absent] }
}

function print(result: PartResult): void {
  console.log(`\n${result.part.title}`)
  for (const table of [ratioTable(result), rateTable(result)]) if (table.length > 0) console.log(toText(table))
  for (const line of missingLines(result)) console.log(`  ${line}`)
}

async function main(): Promise<void> {
  if (values.help) return console.log(help)
  const parts = partsOf({ threads, seconds, python: process.env.TEST_PYTHON })
  const chosen = parts.filter(({ name }) => values.only === undefined || name === values.only)
  if (chosen.length === 0) throw new RangeError(`There is no part "${values.only}".\n${help}`)
  const results: PartResult[] = []
  for (const part of chosen) {
    const result = await runPart(part)
    results.push(result)
    if (!values.json) print(result)
  }
  const machine = describeMachine()
  if (values.json) console.log(JSON.stringify({ machine, results }, null, 2))
  const sound = results.every(isSound)
  if (!sound) {
    log(
      '\nNot to be used: CONTENDED has fewer than 3 quiet rounds, OTHER WORK has other losses or scores than polyrank.',
    )
    process.exitCode = 1
  }
  if (!values.write) return
  if (!sound || chosen.length < parts.length)
    return log('Nothing was written: that needs every part, all of them sound.')
  const page = resultsPage(results, machine, 'npm run bench -- --write', new Date().toISOString().slice(0, 10))
  writeFileSync(join(import.meta.dirname, 'RESULTS.md'), page)
}

await main()
