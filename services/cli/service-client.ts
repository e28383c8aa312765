import type { Command } from 'commander'
import { Fault } from '../../models/spec/fault.ts'

/** What every command takes that speaks to a running service. */
export interface ServiceOptions {
  readonly url: string
  readonly json?: boolean
}

const defaultUrl = () => process.env.POLYRANK_URL || `http://127.0.0.1:${process.env.PORT || 8080}`

/** Lines to copy at the end of a command's help. */
export const examples = (...lines: readonly string[]): string =>
  ['', 'Examples:', ...lines.map((line) => `  ${line}`)].join('\n')

/** Adds commands to a group, each with `--url`, `--json` and lines to copy. */
export const serviceCommand =
  (group: Command) =>
  (signature: string, description: string, ...lines: readonly string[]): Command =>
    group
      .command(signature)
      .description(description)
      .option('--url <url>', 'of the running service', defaultUrl())
      .option('--json', 'answer as JSON, for scripts')
      .addHelpText('after', examples(...lines))

export interface Question {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  /** Sent as JSON, by POST. */
  readonly json?: unknown
  /** Sent as they are, by POST, as this media type. */
  readonly bytes?: Uint8Array<ArrayBuffer>
  readonly type?: string
}

/** Asks the service. Its problems are Faults; `URL_INVALID`, `SERVICE_UNREACHABLE` and `SERVICE_UNKNOWN` beside them. */
export async function call<Answer>(
  { url }: Pick<ServiceOptions, 'url'>,
  path: string,
  { method, json, bytes, type = 'application/json' }: Question = {},
): Promise<Answer> {
  const body = bytes ?? (json === undefined ? undefined : JSON.stringify(json))
  const request: RequestInit = {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    ...(body === undefined ? {} : { headers: { 'content-type': type }, body }),
  }
  if (!URL.canParse(path, url)) {
    throw new Fault('URL_INVALID', `"${url}" is no address. Give one such as http://127.0.0.1:8080 with --url.`)
  }
  const response = await fetch(new URL(path, url), request).catch((cause) => {
    throw new Fault(
      'SERVICE_UNREACHABLE',
      `No service answers at ${url}. Start it with \`polyrank start\`, or give --url.`,
      { cause },
    )
  })
  const answer: unknown = await response.json().catch(() => null)
  if (answer !== null && response.ok) return answer as Answer
  const { code, detail, path: at } = (answer ?? {}) as { code?: string; detail?: string; path?: string }
  if (code !== undefined && detail !== undefined) throw new Fault(code, detail, at === undefined ? {} : { path: at })
  throw new Fault('SERVICE_UNKNOWN', `What answers at ${url} (status ${response.status}) is not polyrank. Give --url.`)
}
