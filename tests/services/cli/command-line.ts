import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { after, type TestContext } from 'node:test'
import { type Command, CommanderError } from 'commander'
import type { JobBody } from '../../../services/ranker/routes/jobs.ts'

/** A completed job, changed where a test says so. */
export const aJob = (changes: Partial<JobBody> = {}): JobBody => ({
  id: 'job-1',
  kind: 'train',
  ranker: 'home',
  from: null,
  state: 'completed',
  attempts: 1,
  progress: null,
  result: { version: 'v2', activated: true, reasons: ['click: AUC 0.71, was 0.70', 'all scores are finite'] },
  fault: null,
  createdAt: '2026-01-31T08:00:00.000Z',
  startedAt: null,
  endedAt: null,
  ...changes,
})

export interface Ran {
  /** What a script reads. */
  readonly output: string
  /** What people read beside it. */
  readonly errors: string
  readonly code: number
}

/** Runs a command in this process, as `polyrank ...` would. Faults pass through. */
export async function run(test: TestContext, command: Command, ...words: readonly string[]): Promise<Ran> {
  let [output, errors] = ['', '']
  const log = test.mock.method(console, 'log', (line: string) => {
    output += `${line}\n`
  })
  const write = test.mock.method(process.stderr, 'write', (text: string) => {
    errors += text
    return true
  })
  const quiet = (each: Command) => {
    each.exitOverride().configureOutput({
      writeOut: (text) => {
        output += text
      },
      writeErr: (text) => {
        errors += text
      },
    })
    each.commands.forEach(quiet)
  }
  quiet(command)
  const before = process.exitCode
  process.exitCode = 0
  try {
    await command.parseAsync(words, { from: 'user' })
    return { output, errors, code: Number(process.exitCode) }
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return { output, errors, code: error.exitCode }
  } finally {
    process.exitCode = before
    log.mock.restore()
    write.mock.restore()
  }
}

export interface Asked {
  readonly method: string
  readonly path: string
  readonly body: string
}
export interface FakeService {
  readonly url: string
  readonly asked: readonly Asked[]
}

/** A server that answers with what `answer` says: an object as JSON with a status, or text. Gone after the test. */
export async function fakeService(
  answer: (asked: Asked) => { readonly status?: number; readonly body: unknown },
): Promise<FakeService> {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += String(chunk)
    })
    request.on('end', () => {
      const question = { method: request.method!, path: request.url!, body }
      asked.push(question)
      const { status = 200, body: told } = answer(question)
      response.writeHead(status, { connection: 'close' }).end(typeof told === 'string' ? told : JSON.stringify(told))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  after(() => void server.close())
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, asked }
}

/** The program as it is installed, in a process of its own, started in `folder`. */
export async function polyrank(
  words: readonly string[],
  environment: Record<string, string> = {},
  folder: string = process.cwd(),
): Promise<Ran> {
  const main = join(import.meta.dirname, '..', '..', '..', 'services', 'cli', 'main.ts')
  const child = spawn(process.execPath, ['--import', import.meta.resolve('tsx'), main, ...words], {
    cwd: folder,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [output, errors] = ['', '']
  child.stdout.on('data', (chunk) => {
    output += String(chunk)
  })
  child.stderr.on('data', (chunk) => {
    errors += String(chunk)
  })
  const [code] = await once(child, 'close')
  return { output, errors, code }
}
