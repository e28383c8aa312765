import { readdirSync, readFileSync } from 'node:fs'

export interface ProcessTime {
  readonly parent: number
  readonly ticks: number
}

/** Linux's USER_HZ. */
const ticksPerSecond = 100

/** CPU time by process id, ended children included; null where there is no /proc. */
function processTimes(): Map<number, ProcessTime> | null {
  let entries: string[]
  try {
    entries = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))
  } catch {
    return null
  }
  const times = new Map<number, ProcessTime>()
  for (const entry of entries) {
    try {
      // The name in parentheses may hold spaces; fields are counted from the state after it.
      const fields = readFileSync(`/proc/${entry}/stat`, 'latin1').split(') ').at(-1)!.split(' ')
      const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
      times.set(Number(entry), { parent: Number(fields[1]), ticks })
    } catch {
      // It ended meanwhile.
    }
  }
  return times
}

/** CPU time between two looks of all processes but `own` and those it started, directly or not. */
export function foreignTicks(
  before: ReadonlyMap<number, ProcessTime>,
  after: ReadonlyMap<number, ProcessTime>,
  own: number,
): number {
  const isOwn = (pid: number | undefined): boolean =>
    pid !== undefined && (pid === own || isOwn(after.get(pid)?.parent))
  let used = 0
  for (const [pid, { ticks }] of after) if (!isOwn(pid)) used += ticks - (before.get(pid)?.ticks ?? 0)
  return used
}

/** Runs `work`, and tells how many cores other processes used meanwhile. */
export async function withForeignCores<T>(work: () => Promise<T>): Promise<{ result: T; foreignCores: number | null }> {
  const before = processTimes()
  const start = performance.now()
  const result = await work()
  const seconds = (performance.now() - start) / 1_000
  const after = processTimes()
  if (before === null || after === null) return { result, foreignCores: null }
  return { result, foreignCores: foreignTicks(before, after, process.pid) / ticksPerSecond / seconds }
}
