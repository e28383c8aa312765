import { readdirSync, readFileSync } from 'node:fs'

/** What the system says of the time its processors spent, in ticks. */
export interface Look {
  /** Of all processors together, less idling: this machine's processes, and what its host took away. */
  readonly busy: number
  /** By process id, ended children included. */
  readonly processes: ReadonlyMap<number, ProcessTime>
}
export interface ProcessTime {
  readonly parent: number
  readonly ticks: number
}

/** Linux's USER_HZ. */
const ticksPerSecond = 100

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

/** Null where there is no /proc. */
function look(): Look | null {
  try {
    // user, nice, system, idle, iowait, irq, softirq, steal
    const totals = readFileSync('/proc/stat', 'latin1').split('\n')[0]!.trim().split(/\s+/).slice(1, 9).map(Number)
    const processes = new Map<number, ProcessTime>()
    for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const time = processTime(entry)
      if (time !== null) processes.set(Number(entry), time)
    }
    return { busy: sum([...totals.slice(0, 3), ...totals.slice(5)]), processes }
  } catch {
    return null
  }
}

function processTime(entry: string): ProcessTime | null {
  try {
    // The name in parentheses may hold spaces; fields are counted from the state after it.
    const fields = readFileSync(`/proc/${entry}/stat`, 'latin1').split(') ').at(-1)!.split(' ')
    return { parent: Number(fields[1]), ticks: sum(fields.slice(11, 15).map(Number)) }
  } catch {
    // It ended meanwhile.
    return null
  }
}

/**
 * Time between two looks that `own` and the processes it started, directly or not, did not spend. What a process spent
 * that began and ended in between is seen too, since it is in the total.
 */
export function foreignTicks(before: Look, after: Look, own: number): number {
  const spentBy = ({ processes }: Look): number => {
    const isOwn = (pid: number | undefined): boolean =>
      pid !== undefined && (pid === own || isOwn(processes.get(pid)?.parent))
    return sum([...processes].filter(([pid]) => isOwn(pid)).map(([, { ticks }]) => ticks))
  }
  return Math.max(0, after.busy - before.busy - (spentBy(after) - spentBy(before)))
}

/** Runs `work`, and tells how many cores others used meanwhile. */
export async function withForeignCores<T>(work: () => Promise<T>): Promise<{ result: T; foreignCores: number | null }> {
  const before = look()
  const start = performance.now()
  const result = await work()
  const seconds = (performance.now() - start) / 1_000
  const after = look()
  if (before === null || after === null) return { result, foreignCores: null }
  return { result, foreignCores: foreignTicks(before, after, process.pid) / ticksPerSecond / seconds }
}
