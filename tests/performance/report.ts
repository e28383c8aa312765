import { type Detail, isQuiet, median } from './comparison.ts'
import type { Interleaved, Outcome } from './interleave.ts'
import type { Machine } from './machine.ts'
import type { Part } from './parts.ts'

export interface PartResult extends Interleaved {
  readonly part: Part
}

type Measured = Exclude<Outcome, { readonly missing: string }>
export type Row = readonly string[]

export const isMeasured = (outcome: Outcome): outcome is Measured => !('missing' in outcome)

/** Whether every number may be used: quiet rounds enough, and the same work on both sides. */
export const isSound = ({ outcomes, part }: PartResult): boolean =>
  outcomes.filter(isMeasured).every(({ comparison, sameWork }) => {
    return !comparison.contended && (sameWork || part.shows === 'share')
  })

const digits = (value: number) => value.toPrecision(3)
const shown = (part: Part, ratio: number) => (part.shows === 'share' ? `${Math.round(100 * ratio)} %` : digits(ratio))

/** A heading and a row for each peer that ran. */
export function ratioTable({ part, outcomes }: PartResult): readonly Row[] {
  const head = part.shows === 'share' ? 'of the step' : 'polyrank: times as fast'
  const rows = outcomes.filter(isMeasured).map(({ label, version, comparison, sameWork }): Row => {
    const { median: middle, least, greatest } = comparison.ratio
    const target = part.peers.find((peer) => peer.label === label)?.target
    const aim = target === undefined ? '' : `${target}: ${middle >= target ? 'reached' : 'missed'}`
    const faults = [
      ...(comparison.contended ? ['CONTENDED'] : []),
      ...(sameWork || part.shows === 'share' ? [] : ['OTHER WORK']),
    ]
    const rounds = `${comparison.quietRounds} of ${comparison.rounds}`
    const ratios = [middle, least, greatest].map((ratio) => shown(part, ratio))
    return [`${label} (${version})`, ...ratios, [aim, ...faults].filter(Boolean).join(', '), rounds]
  })
  return rows.length === 0 ? [] : [['', head, 'least', 'greatest', 'target', 'quiet rounds'], ...rows]
}

/** Rates of the limits, where a part has them: the median over rounds. */
export function rateTable({ outcomes }: PartResult): readonly Row[] {
  const rows = outcomes.filter(isMeasured).flatMap(({ pairs }) => {
    const quiet = pairs.some(isQuiet) ? pairs.filter(isQuiet) : pairs
    return (quiet[0]?.theirs.details ?? []).map(({ name, gflop }: Detail, i): Row => {
      const rate = gflop / (median(quiet.map(({ theirs }) => theirs.details![i]!.ms)) / 1_000)
      return [name, gflop.toFixed(3), `${Math.round(rate)}`]
    })
  })
  return rows.length === 0 ? [] : [['multiplication', 'GFLOP', 'GFLOP/s'], ...rows]
}

export const missingLines = ({ outcomes }: PartResult): readonly string[] =>
  outcomes.flatMap((outcome) => (isMeasured(outcome) ? [] : [`${outcome.label} was left out: ${outcome.missing}.`]))

export function toText(table: readonly Row[]): string {
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]!.length))) ?? []
  return table.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ')}`.trimEnd()).join('\n')
}

function toMarkdown([head, ...rows]: readonly Row[]): string {
  if (head === undefined) return ''
  const line = (cells: Row) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** The page of results. */
export function resultsPage(results: readonly PartResult[], machine: Machine, command: string, date: string): string {
  const { processor, cores, vectors, memoryGb, system, node } = machine
  const extensions = vectors.length === 0 ? '' : ` (${vectors.join(', ')})`
  const parts = results.map((result) =>
    [
      `## ${result.part.title}`,
      toMarkdown(ratioTable(result)),
      ...missingLines(result),
      result.part.shows === 'times'
        ? `Equal on both sides: ${result.ours.check.map((each) => each.toFixed(5)).join(', ')}.`
        : '',
      toMarkdown(rateTable(result)),
    ]
      .filter(Boolean)
      .join('\n\n'),
  )
  return `${[
    '# Results',
    `\`${command}\`, ${date}. ${processor}${extensions}, ${cores} cores, ${memoryGb} GB, ${system}, Node ${node}, ${results[0]!.ours.version}.`,
    'Ratios are of times on this machine in one run: polyrank and its peers take rounds in turn, and a line has the median, the least and the greatest of the ratios round by round. Rounds during which other processes used more than a tenth of a core are left out.',
    ...parts,
  ].join('\n\n')}\n`
}
