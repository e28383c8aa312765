import { isQuiet, median } from './comparison.ts'
import { hasRun, type Outcome } from './interleave.ts'
import type { Own, Part, Rival } from './part.ts'
import { judgeAims, type PartResult, type Verdict, versusOf } from './part-result.ts'

export type Row = readonly string[]

const digits = (value: number) => value.toPrecision(3)
const shown = (part: Part, ratio: number) => (part.shows === 'share' ? `${Math.round(100 * ratio)} %` : digits(ratio))

/** A heading, and a row for polyrank on each device beside each rival. */
export function ratioTable(result: PartResult): readonly Row[] {
  const { part } = result
  const rows = versusOf(result).map(({ own, rival, comparison, sameWork }): Row => {
    const { median: middle, least, greatest } = comparison.ratio
    const ratios = [middle, least, greatest].map((ratio) => shown(part, ratio))
    const rounds = `${comparison.quietRounds} of ${comparison.rounds}`
    const faults = [...(comparison.contended ? ['CONTENDED'] : []), ...(sameWork ? [] : ['OTHER WORK'])]
    return [own.spec.device, `${rival.spec.label} (${rival.version})`, ...ratios, [rounds, ...faults].join(', ')]
  })
  const head = part.shows === 'share' ? 'of the step' : 'polyrank: times as fast'
  return rows.length === 0 ? [] : [['polyrank on', 'beside', head, 'least', 'greatest', 'quiet rounds'], ...rows]
}

/** A heading, and a row for each aim. */
export function aimTable(result: PartResult): readonly Row[] {
  const rows = judgeAims(result).map((verdict): Row => {
    const { aim, fastest } = verdict
    const found = fastest === undefined ? '' : digits(fastest.comparison.ratio.median)
    return [aim.device, fastest?.rival.spec.label ?? aim.rival, digits(aim.ratio), found, toWord(verdict)]
  })
  return rows.length === 0 ? [] : [['polyrank on', 'beside the fastest', 'aim', 'found', ''], ...rows]
}

function toWord({ fastest, isReached }: Verdict): string {
  if (fastest === undefined) return 'not measured'
  if (fastest.comparison.contended) return 'CONTENDED'
  return isReached ? 'reached' : 'missed'
}

/** Rates of the limits, where a part has them, a column for each program: the median over its quiet rounds. */
export function rateTable(result: PartResult): readonly Row[] {
  const measured = everyOutcome(result)
    .filter(hasRun)
    .flatMap(({ spec, taken }) => {
      const quiet = taken.some(isQuiet) ? taken.filter(isQuiet) : taken
      const details = quiet[0]?.details ?? []
      return details.length === 0 ? [] : [{ label: spec.label, details, quiet }]
    })
  if (measured.length === 0) return []
  const kinds = new Map(measured.flatMap(({ details }) => details.map((detail) => [detail.name, detail] as const)))
  const rows = [...kinds.values()].map(({ name, amount, unit }): Row => {
    const rates = measured.map(({ details, quiet }) => {
      const place = details.findIndex((detail) => detail.name === name)
      if (place === -1) return ''
      const seconds = median(quiet.map((each) => each.details![place]!.ms)) / 1_000
      return `${Math.round(details[place]!.amount / seconds)}`
    })
    return [name, `${amount.toFixed(3)} ${unit}`, ...rates]
  })
  return [['what', 'how much', ...measured.map(({ label }) => `${label}, a second`)], ...rows]
}

const everyOutcome = ({ ours, rivals }: PartResult): readonly Outcome<Own | Rival>[] => [...ours, ...rivals]

export const missingLines = (result: PartResult): readonly string[] =>
  everyOutcome(result).flatMap((outcome) =>
    hasRun(outcome) ? [] : [`${outcome.spec.label} was left out: ${outcome.missing.replace(/\.$/, '')}.`],
  )

/** The numbers that show the same work, of our first program that ran; null where other work is compared. */
export function checkLine(result: PartResult): string | null {
  const versus = versusOf(result)
  const [first] = versus
  if (first === undefined || versus.every(({ rival }) => rival.spec.otherWork !== undefined)) return null
  const numbers = first.own.check.map((each) => each.toFixed(5)).join(', ')
  const { tolerance } = result.part
  return `Equal on both sides${tolerance === undefined ? '' : ` to ${tolerance * 100} %`}: ${numbers}.`
}

/** Why each rival that does other work does. */
export const otherWorkLines = (result: PartResult): readonly string[] => [
  ...new Set(
    versusOf(result).flatMap(({ rival: { spec } }) =>
      spec.otherWork === undefined ? [] : [`${spec.label}: ${spec.otherWork}.`],
    ),
  ),
]

export function toText(table: readonly Row[]): string {
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]!.length))) ?? []
  return table.map((row) => `  ${row.map((cell, i) => cell.padEnd(widths[i]!)).join('  ')}`.trimEnd()).join('\n')
}
