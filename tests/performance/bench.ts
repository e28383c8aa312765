/** `npm run bench`: polyrank beside PyTorch and TensorFlow.js, in one run, as ratios. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { causes } from './causes.ts'
import { describeMachine } from './machine.ts'
import { help, type Options, readOptions } from './options.ts'
import { causeLines, resultsPage } from './page.ts'
import type { Part } from './part.ts'
import { isSound, type PartResult, runPart } from './part-result.ts'
import { choose, partsOf } from './parts/all.ts'
import { aimTable, missingLines, rateTable, ratioTable, toText } from './report.ts'

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
async function tryPart(part: Part, rounds: number): Promise<PartResult | null> {
  log(part.name)
  try {
    return await runPart(part, rounds, log)
  } catch (error) {
    log(`${part.name} broke: ${error instanceof Error ? error.message : error}`)
    return null
  }
}

/** Answers whether all that was asked for was measured, and may be used. */
async function bench(options: Options): Promise<boolean> {
  const { threads, seconds } = options
  const all = partsOf({ threads, seconds, python: process.env.TEST_PYTHON })
  const chosen = choose(all, options)
  if (chosen.length === 0) throw new RangeError('No part is named so, or runs on that device; --list names them.')
  if (options.list) {
    list(chosen)
    return true
  }
  const results: PartResult[] = []
  for (const part of chosen) {
    const result = await tryPart(part, options.rounds)
    if (result === null) continue
    results.push(result)
    if (!options.json) print(result)
  }
  const machine = describeMachine()
  if (options.json) console.log(JSON.stringify({ machine, threads, results }, null, 2))
  const sound = results.length === chosen.length && results.every(isSound)
  if (!sound)
    log('\nNot to be used: CONTENDED has fewer than 3 quiet rounds, OTHER WORK has other numbers than polyrank.')
  if (options.write) {
    const isWhole = chosen.length === all.length && options.device === undefined
    if (!sound || !isWhole) log('Nothing was written: that needs every part and device, all of them sound.')
    else {
      const date = new Date().toISOString().slice(0, 10)
      const page = resultsPage(results, { machine, command: 'npm run bench -- --write', date, threads, causes })
      writeFileSync(join(import.meta.dirname, 'RESULTS.md'), page)
    }
  }
  return sound
}

/** What a wrong option is answered with. */
const isMisuse = (error: unknown): error is Error =>
  error instanceof RangeError ||
  (error instanceof TypeError && 'code' in error && `${error.code}`.startsWith('ERR_PARSE_ARGS'))

try {
  const options = readOptions(process.argv.slice(2))
  if (options.help) console.log(help)
  else if (!(await bench(options))) process.exitCode = 1
} catch (error) {
  if (!isMisuse(error)) throw error
  log(`${error.message} See npm run bench -- --help.`)
  process.exitCode = 2
}
