/**
 * `npm run test:servers -- words`: a PostgreSQL and a Kafka of their own in a temporary folder, the suites that need them,
 * and the end of all three, whatever happens. `--keep` only starts them and waits for Ctrl-C; `--run "command"` runs that
 * instead. A server whose address is set already is taken as it is.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../../models/spec/fault.ts'
import { startKafka } from './kafka.ts'
import { startPostgres } from './postgres.ts'
import { makeServersFolder, type TestServer } from './server.ts'

type Variables = Readonly<Record<string, string>>
type Started = readonly [server: TestServer, variables: Variables]

const folder = makeServersFolder()

const starts: Record<string, () => Promise<Started>> = {
  async TEST_DATABASE_URL() {
    const server = await startPostgres(join(folder, 'postgres'))
    return [server, { TEST_DATABASE_URL: server.url }]
  },
  async TEST_KAFKA_BROKERS() {
    const server = await startKafka(join(folder, 'kafka'))
    const { brokers, saslBrokers, tlsBrokers, certificate } = server
    const secured = { TEST_KAFKA_SASL_BROKERS: saslBrokers, TEST_KAFKA_TLS_BROKERS: tlsBrokers }
    return [server, { TEST_KAFKA_BROKERS: brokers, ...secured, TEST_KAFKA_CA: certificate }]
  },
}

const ended = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => resolve())
})

/** The exit code of the suites, or of the command after `--run`. */
async function runWith(variables: Variables, args: readonly string[]): Promise<number> {
  const at = args.indexOf('--run')
  const runner = ['--import', 'tsx', join(import.meta.dirname, '..', 'run.ts'), ...args]
  // A group of its own, so that all of it can be told to end.
  const options = { stdio: 'inherit', env: { ...process.env, ...variables }, detached: true } as const
  const child =
    at === -1
      ? spawn(process.execPath, runner, options)
      : spawn(args.slice(at + 1).join(' '), { ...options, shell: true })
  const exit = once(child, 'exit')
  const first = await Promise.race([exit, ended])
  if (first === undefined) process.kill(-child.pid!, 'SIGTERM')
  const [code] = (await exit) as [code: number | null]
  return code ?? 1
}

const args = process.argv.slice(2)
const wanted = Object.entries(starts).filter(([variable]) => process.env[variable] === undefined)
const started = await Promise.allSettled(wanted.map(([, start]) => start()))
const servers = started.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
try {
  for (const each of started) if (each.status === 'rejected') throw each.reason
  const variables: Variables = Object.assign({}, ...servers.map(([, some]) => some))
  if (args.includes('--keep')) {
    for (const [name, value] of Object.entries(variables)) console.log(`export ${name}=${value}`)
    console.log('# They are up until Ctrl-C.')
    await ended
  } else process.exitCode = await runWith(variables, args)
} catch (error) {
  if (!(error instanceof Fault)) throw error
  console.error(error.message)
  process.exitCode = 1
} finally {
  await Promise.all(servers.map(([server]) => server.kill()))
  rmSync(folder, { recursive: true, force: true })
}
process.exit()
