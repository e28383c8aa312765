import { randomUUID } from 'node:crypto'
import { linkSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Fault } from '../../../models/spec/fault.ts'

interface Owner {
  readonly pid: number
  /** When the process started, in clock ticks since boot; tells a process from a later one of the same number. Linux only. */
  readonly startedAtTicks: string | null
}

const startedAtTicks = (pid: number): string | null => {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The command, in parentheses, may hold spaces: count from its end. Field 22 of proc(5).
    return status.slice(status.lastIndexOf(')') + 2).split(' ')[19] ?? null
  } catch {
    return null
  }
}

const isAlive = ({ pid, startedAtTicks: known }: Owner): boolean => {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // EPERM: it is there, and somebody else's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  return known === null || startedAtTicks(pid) === known
}

const isOwner = (value: unknown): value is Owner => {
  const { pid, startedAtTicks } = (value ?? {}) as { pid?: unknown; startedAtTicks?: unknown }
  return Number.isInteger(pid) && (pid as number) > 0 && (startedAtTicks === null || typeof startedAtTicks === 'string')
}

/** Null where there is no lock. */
const ownerOf = (file: string): Owner | null => {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
  try {
    const owner: unknown = JSON.parse(text)
    if (isOwner(owner)) return owner
  } catch {
    // Told below, as for any other text that names no process.
  }
  throw new Fault(
    'DATA_FOLDER_LOCK_UNREADABLE',
    `${file} does not say which process owns the folder. Make sure that none does, then delete that file.`,
    { path: file },
  )
}

/**
 * Makes this process the one owner of a data folder; the lock of a dead process is taken over.
 * Returns what gives the folder back. Faults `DATA_FOLDER_IN_USE`, `DATA_FOLDER_LOCK_UNREADABLE`.
 */
export function lockDataFolder(dataFolder: string): () => void {
  const file = join(dataFolder, 'lock')
  const mine = join(dataFolder, `lock.${randomUUID()}`)
  const refuse = (owner: Owner): never => {
    throw new Fault(
      'DATA_FOLDER_IN_USE',
      `Process ${owner.pid} already runs on ${dataFolder}. Stop it, or give this one another data folder (POLYRANK_DATA).`,
      { path: dataFolder, details: { pid: owner.pid } },
    )
  }
  /** Only who holds `<path>.takeover` removes a dead process's lock, so that nobody removes the lock of who came first. */
  const acquire = (path: string): void => {
    while (!isLinked(mine, path)) {
      const owner = ownerOf(path)
      if (owner === null) continue
      if (isAlive(owner)) refuse(owner)
      acquire(`${path}.takeover`)
      try {
        const stale = ownerOf(path)
        if (stale !== null && !isAlive(stale)) rmSync(path)
      } finally {
        rmSync(`${path}.takeover`)
      }
    }
  }
  writeFileSync(mine, JSON.stringify({ pid: process.pid, startedAtTicks: startedAtTicks(process.pid) } satisfies Owner))
  try {
    acquire(file)
    return () => rmSync(file, { force: true })
  } finally {
    rmSync(mine, { force: true })
  }
}

/** False where there is one of that name. */
function isLinked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}
