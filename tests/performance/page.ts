import type { Cause } from './causes.ts'
import type { Machine } from './machine.ts'
import { judgeAims, type PartResult } from './part-result.ts'
import { aimTable, checkLine, missingLines, otherWorkLines, type Row, rateTable, ratioTable } from './report.ts'

export interface PageFacts {
  readonly machine: Machine
  readonly command: string
  /** yyyy-mm-dd */
  readonly date: string
  readonly threads: number
  readonly causes: readonly Cause[]
}

/** Causes of the aims that were missed, and of no others. */
export const causeLines = (result: PartResult, causes: readonly Cause[]): readonly string[] =>
  judgeAims(result).flatMap(({ aim, fastest, isReached }) => {
    if (isReached || fastest === undefined) return []
    return causes
      .filter(({ part, device, rival }) => part === result.part.name && device === aim.device && rival === aim.rival)
      .map(({ because }) => `Missed on ${aim.device} beside ${aim.rival}: ${because}`)
  })

function toMarkdown([head, ...rows]: readonly Row[]): string {
  if (head === undefined) return ''
  const line = (cells: Row) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** The page of results, in Markdown. */
export function resultsPage(results: readonly PartResult[], facts: PageFacts): string {
  const { processor, cores, vectors, memoryGb, system, node } = facts.machine
  const extensions = vectors.length === 0 ? '' : ` (${vectors.join(', ')})`
  return `${[
    '# Results',
    `\`${facts.command}\`, ${facts.date}. ${processor}${extensions}, ${cores} cores, ${memoryGb} GB, ${system}, Node ${node}; ${facts.threads} threads on every side.`,
    'Ratios are of times on this machine in one run: polyrank on each of its devices and its rivals take measurements in turn, and a line has the median, the least and the greatest of the ratios round by round. Measurements during which others used more than a tenth of a core are left out. An aim is held against the fastest way to write the same in the rival.',
    ...results.map((result) => section(result, facts.causes)),
  ].join('\n\n')}\n`
}

function section(result: PartResult, causes: readonly Cause[]): string {
  const { name, title, note } = result.part
  return [
    `## ${title}`,
    `\`npm run bench -- --only ${name}\`${note === undefined ? '' : `. ${note}`}`,
    toMarkdown(ratioTable(result)),
    toMarkdown(aimTable(result)),
    ...causeLines(result, causes),
    checkLine(result) ?? '',
    ...otherWorkLines(result),
    ...missingLines(result),
    toMarkdown(rateTable(result)),
  ]
    .filter(Boolean)
    .join('\n\n')
}
