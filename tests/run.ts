/**
 * `npm test`: every suite that needs no server, and those that need one where it is there. `npm test -- engine` narrows to
 * paths containing a word. A suite named `*.slow.test.ts` takes minutes (`npm run test:slow`), `*.servers.test.ts` needs
 * PostgreSQL and Kafka (`npm run test:servers`), `*.chaos.test.ts` ends processes at bad moments beside them
 * (`npm run test:chaos`): each of these commands runs its own kind, and only that.
 */
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join, relative } from 'node:path'

const root = import.meta.dirname
const kinds = ['slow', 'servers', 'chaos'] as const
const args = process.argv.slice(2)
const kind = kinds.find((each) => args.includes(`--${each}`))
const words = args.filter((word) => !kinds.some((each) => word === `--${each}`))
const kindOf = (file: string) => kinds.find((each) => file.endsWith(`.${each}.test.ts`))
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts') && kindOf(file) === kind)
  .filter((file) => words.every((word) => file.includes(word)))
  .sort()
  .map((file) => relative(process.cwd(), join(root, file)))

if (files.length === 0) {
  const named = kind === undefined ? 'test file' : `test file of the kind ${kind}`
  console.error(words.length === 0 ? `There is no ${named}.` : `No ${named} has ${words.join(' and ')} in its path.`)
  process.exit(1)
}
if (kind === 'servers' || kind === 'chaos') {
  const unset = ['TEST_DATABASE_URL', 'TEST_KAFKA_BROKERS'].filter((name) => process.env[name] === undefined)
  if (unset.length > 0) {
    console.error(`${unset.join(' and ')} must be set. Way out: npm run test:${kind} starts the servers and sets them.`)
    process.exit(1)
  }
}
// These kinds one by one: trainers run at a low priority and would wait for what another suite computes, and what one suite
// does to a server is not for the next.
const concurrency = kind === undefined ? availableParallelism() : 1
// Node 20's --test expands no globs, hence the list.
const options = ['--import', 'tsx', '--test', `--test-concurrency=${concurrency}`]
const child = spawn(process.execPath, [...options, ...files], { stdio: 'inherit' })
child.on('exit', (code) => process.exit(code ?? 1))
