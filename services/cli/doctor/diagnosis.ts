import type { DeviceFinding } from '../../adapters/devices/probe.ts'
import type { DataFinding } from './data-folder.ts'
import type { MachineFinding } from './machine.ts'
import type { ServerFinding } from './servers.ts'
import type { Use } from './uses.ts'

/** All that was found. */
export interface Diagnosis {
  readonly machine: MachineFinding
  readonly devices: readonly DeviceFinding[]
  /** Where the rankers come from. */
  readonly configuration: string
  readonly uses: readonly Use[]
  readonly data: DataFinding
  /** Those that settings name. */
  readonly servers: readonly ServerFinding[]
  /** What cannot work, each with what to do about it. */
  readonly problems: readonly string[]
}

/** `faults` are those of settings and configuration. */
export function diagnose(found: Omit<Diagnosis, 'problems'>, faults: readonly string[]): Diagnosis {
  const known = [...found.uses, found.data, ...found.servers].map(({ problem }) => problem)
  // Rankers share the engine, and what is wrong with it.
  return { ...found, problems: [...new Set([...faults, ...known.filter((problem) => problem !== null)])] }
}

/** For people. */
export function reportOf({ machine, devices, configuration, uses, data, servers, problems }: Diagnosis): string {
  const { node, processor, extensions, cores, memoryBytes, freeBytes } = machine
  const sections = [
    section('Machine', [
      ['Node.js', node],
      ['processor', [processor, ...extensions].join(', ')],
      ['cores', String(cores)],
      ['memory', `${sizeText(memoryBytes)}, ${sizeText(freeBytes)} free`],
    ]),
    section('Devices', deviceRows(devices)),
    section(
      `Rankers of ${configuration}`,
      uses.map(({ ranker, purpose, device, configured, precision, threads, why, problem }, i) => [
        uses[i - 1]?.ranker === ranker ? '' : ranker,
        purpose,
        device ?? configured,
        `${precision}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
        problem === null ? why : 'cannot work',
      ]),
    ),
    section('Data', [
      ['folder', `${data.folder}, ${data.isThere ? sizeText(data.sizeBytes) : 'made at the first start'}`],
      ['disk', `${sizeText(data.freeBytes)} free, ${data.problem === null ? 'writable' : 'not writable'}`],
      ...(data.database === null ? [] : [['database', databaseText(data.database)]]),
    ]),
    section(
      'Servers',
      servers.map(({ server, address, about, problem }) => [
        server,
        `at ${address}`,
        [...about, ...(problem === null ? [] : ['cannot work'])].join('; '),
      ]),
    ),
    problems.length === 0 ? 'All that is configured can work.' : ['To do', ...problems].join('\n  '),
  ]
  return sections.filter((text) => text !== '').join('\n\n')
}

function deviceRows(devices: readonly DeviceFinding[]): string[][] {
  const told = new Set<string>()
  return devices.flatMap((finding) => {
    if (!finding.isHere) return [[finding.device, `not here: ${finding.message}`]]
    const { about, precisions, device } = finding
    const notes = about.notes.filter((note) => !told.has(note))
    for (const note of notes) told.add(note)
    return [
      [device, `${about.runtime} on ${about.hardware}; ${precisions.join(', ')}`],
      ...notes.map((note) => ['', note]),
    ]
  })
}

const databaseText = ({ isRunning, version }: NonNullable<DataFinding['database']>) =>
  isRunning ? `embedded PostgreSQL ${version}, running` : 'embedded, not running: `polyrank start` starts it'

function section(title: string, rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return ''
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) =>
    `  ${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!))).join('  ')}`.trimEnd(),
  )
  return [title, ...lines].join('\n')
}

function sizeText(bytes: number): string {
  const [kilobytes, megabytes, gigabytes] = [10, 20, 30].map((power) => bytes / 2 ** power) as [number, number, number]
  if (gigabytes >= 1) return `${gigabytes.toFixed(1)} GB`
  return megabytes >= 1 ? `${megabytes.toFixed(0)} MB` : `${kilobytes.toFixed(0)} kB`
}
