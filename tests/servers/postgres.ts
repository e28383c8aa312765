import { chmodSync, existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { missing, runCommand } from './commands.ts'
import { makeCertificate } from './kafka-files.ts'
import { freePorts } from './ports.ts'
import { launch } from './process.ts'
import type { TestServer } from './server.ts'

export interface PostgresServer extends TestServer {
  readonly url: string
  /** A file: the authority of the server's certificate, where it has one. */
  readonly certificate: string | null
}

export interface PostgresOptions {
  readonly port?: number
  /** Whether a commit waits for the disk. Off by default: a killed process loses nothing by it, only a machine does. */
  readonly isDurable?: boolean
  /** Takes encrypted connections too, with a certificate of its own for 127.0.0.1. */
  readonly isTls?: boolean
}

const from = 'PostgreSQL 15 or later (Debian: postgresql)'

/** Debian keeps `initdb` and `postgres` off the PATH; the newest version is taken. */
function programFolder(): string {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : []
  const folders = [...versions.map((version) => join(debian, version, 'bin')), ...(process.env.PATH ?? '').split(':')]
  const folder = folders.find((each) => existsSync(join(each, 'initdb')))
  if (folder === undefined) throw missing('initdb', from)
  return folder
}

/** PostgreSQL refuses to run as root. */
async function owner(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  const number = async (flag: string) => Number(await runCommand('id', [flag, 'postgres'], { from }))
  return { uid: await number('-u'), gid: await number('-g') }
}

/** Of all processes but those that only wait to be buried by their parent. */
async function livingProcesses(): Promise<{ id: number; parent: number }[]> {
  const table = await runCommand('ps', ['-A', '-o', 'pid=,ppid=,stat='], { from: 'ps (Debian: procps)' })
  const rows = table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
  return rows
    .filter(([, , state]) => !state!.startsWith('Z'))
    .map(([id, parent]) => ({ id: Number(id), parent: Number(parent) }))
}

/** A new PostgreSQL in `folder`, on 127.0.0.1; whoever is on this machine may enter. */
export async function startPostgres(folder: string, options: PostgresOptions = {}): Promise<PostgresServer> {
  const programs = programFolder()
  const user = await owner()
  const data = join(folder, 'data')
  mkdirSync(data, { recursive: true })
  if (user.uid !== undefined) {
    chmodSync(folder, 0o711)
    await runCommand('chown', ['postgres', data], { from })
  }
  const initial = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync']
  await runCommand(join(programs, 'initdb'), ['-D', data, ...initial], { from, ...user, cwd: data })

  const port = options.port ?? (await freePorts(1))[0]!
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', `port=${port}`]
  const tls = options.isTls ? await makeCertificate(folder) : null
  if (tls !== null) {
    if (user.uid !== undefined) await runCommand('chown', ['postgres', tls.keyStore], { from })
    settings.push('ssl=on', `ssl_cert_file=${tls.certificate}`, `ssl_key_file=${tls.keyStore}`)
  }
  const args = [...settings, `fsync=${options.isDurable ? 'on' : 'off'}`].flatMap((setting) => ['-c', setting])
  const ask = async () => {
    const client = new pg.Client({ connectionString: url })
    try {
      await client.connect()
    } finally {
      await client.end()
    }
  }
  const begin = () =>
    launch(join(programs, 'postgres'), ['-D', data, ...args], {
      ...{ from, ...user, cwd: data },
      ...{ log: join(folder, 'postgres.log'), ask },
    })

  let server = await begin()
  return {
    url,
    certificate: tls?.certificate ?? null,
    async start() {
      server = await begin()
    },
    stop: () => server.end('SIGINT'),
    async kill() {
      const parts = (await livingProcesses()).filter(({ parent }) => parent === server.id)
      await server.end('SIGKILL')
      // Its parts go by themselves when they miss it; a new server refuses to start before.
      const isLeft = async () => (await livingProcesses()).some(({ id }) => parts.some((part) => part.id === id))
      while (await isLeft()) await delay(20)
    },
  }
}
