import { randomUUID } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
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

const ownerOf = (file: string): Owner | null => {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Owner
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/**
 * Makes this process the one owner of a data folder; the lock of a dead process is taken over.
 * Returns what gives the folder back. Fault `DATA_FOLDER_IN_USE`.
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
  writeFileSync(mine, JSON.stringify({ pid: process.pid, startedAtTicks: startedAtTicks(process.pid) } satisfies Owner))
  try {
    for (;;) {
      try {
        linkSync(mine, file)
        return () => rmSync(file, { force: true })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const owner = ownerOf(file)
      if (owner === null) continue
      if (isAlive(owner)) refuse(owner)
      removeStale(file, owner)
    }
  } finally {
    rmSync(mine, { force: true })
  }
}

/** Two processes may find the same stale lock: what was moved away is looked at again, and put back if it is another's. */
function removeStale(file: string, stale: Owner): void {
  const aside = `${file}.${randomUUID()}`
  try {
    renameSync(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const moved = ownerOf(aside)
  if (moved !== null && (moved.pid !== stale.pid || moved.startedAtTicks !== stale.startedAtTicks)) {
    linkSync(aside, file)
  }
  rmSync(aside)
}
