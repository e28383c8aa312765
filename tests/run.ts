/**
 * `npm test`: every suite that needs no server, and those that need one where it is there. `npm test -- engine` narrows to
 * paths containing a word. Suites that take minutes are named `*.slow.test.ts`: `npm run test:slow` runs them, and only them.
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'

const root = import.meta.dirname
const words = process.argv.slice(2).filter((word) => word !== '--slow')
const isSlow = process.argv.includes('--slow')
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts') && file.endsWith('.slow.test.ts') === isSlow)
  .filter((file) => words.every((word) => file.includes(word)))
  .sort()
  .map((file) => relative(process.cwd(), join(root, file)))

if (files.length === 0) {
  console.error(`No test file has ${words.join(' and ')} in its path.`)
  process.exit(1)
}
// Slow ones one by one: trainers run at a low priority, and would wait for what another suite computes.
const concurrency = isSlow ? 1 : availableParallelism()
// Node 20's --test expands no globs, hence the list.
const options = ['--import', 'tsx', '--test', `--test-concurrency=${concurrency}`]
const child = spawn(process.execPath, [...options, ...files], { stdio: 'inherit' })
child.on('exit', (code) => process.exit(code ?? 1))
