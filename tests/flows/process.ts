import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

const root = join(import.meta.dirname, '..', '..')
const giveUpMs = 120_000
const lookAgainMs = 50

/** The service as a user starts it, in a process of its own. */
export interface Service {
  readonly url: string
  /** Everything it printed so far. */
  output(): string
  /** Waits until `pattern` was printed; fails when the process ends first. */
  printed(pattern: RegExp): Promise<void>
  ended: Promise<number | null>
  kill(signal: NodeJS.Signals): Promise<number | null>
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'polyrank-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

const started: ChildProcess[] = []
/** For after a file's tests: one that failed leaves its service running, which would keep the file's process from ending. */
export function killServices(): void {
  for (const child of started) child.kill('SIGKILL')
}

/** `folder` is where it is started: its `polyrank.config.ts` counts, and its data is below. */
export function startService(folder: string, port: number, environment: Record<string, string> = {}): Service {
  const child: ChildProcess = spawn(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), join(root, 'services', 'cli', 'main.ts'), 'start'],
    {
      cwd: folder,
      env: { ...process.env, PORT: String(port), POLYRANK_DATA: join(folder, 'data'), ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let text = ''
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', (chunk) => {
      text += String(chunk)
    })
  }
  let isEnded = false
  const ended = once(child, 'close').then(([code]) => {
    isEnded = true
    return code as number | null
  })
  started.push(child)
  return {
    url: `http://127.0.0.1:${port}`,
    output: () => text,
    ended,
    printed: (pattern) =>
      until(
        () => {
          if (pattern.test(text)) return true
          if (isEnded) throw new Error(`the service ended without printing ${pattern}:\n${text}`)
          return false
        },
        `${pattern} to be printed`,
        () => text,
      ),
    async kill(signal) {
      child.kill(signal)
      return ended
    },
  }
}

/** Waits for a condition, and says what it waited for when it never comes. */
export async function until(
  isMet: () => boolean | Promise<boolean>,
  what: string,
  context: () => string = () => '',
): Promise<void> {
  const deadline = performance.now() + giveUpMs
  while (!(await isMet())) {
    if (performance.now() > deadline) throw new Error(`waited too long for ${what}\n${context()}`)
    await wait(lookAgainMs)
  }
}

export interface Answer<Body> {
  readonly status: number
  readonly body: Body
  readonly headers: Headers
}

export async function get<Body>(url: string): Promise<Answer<Body>> {
  const response = await fetch(url)
  return { status: response.status, body: (await response.json()) as Body, headers: response.headers }
}

export async function post<Body>(url: string, body?: unknown, contentType = 'application/json'): Promise<Answer<Body>> {
  const content =
    body === undefined
      ? {}
      : { headers: { 'content-type': contentType }, body: typeof body === 'string' ? body : JSON.stringify(body) }
  const response = await fetch(url, { method: 'POST', ...content })
  return { status: response.status, body: (await response.json()) as Body, headers: response.headers }
}
