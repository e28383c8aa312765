import { type Comparison, compare, sameWork } from './comparison.ts'
import { hasRun, interleave, type Outcome, type Ran } from './interleave.ts'
import type { Aim, Own, Part, Rival } from './part.ts'

export interface PartResult {
  readonly part: Part
  readonly ours: readonly Outcome<Own>[]
  readonly rivals: readonly Outcome<Rival>[]
}

export async function runPart(part: Part, rounds: number, log: (line: string) => void): Promise<PartResult> {
  const outcomes = await interleave<Own | Rival>([...part.ours, ...part.rivals], rounds, log)
  return {
    part,
    ours: outcomes.slice(0, part.ours.length) as Outcome<Own>[],
    rivals: outcomes.slice(part.ours.length) as Outcome<Rival>[],
  }
}

/** polyrank on one device beside one rival. */
export interface Versus {
  readonly own: Ran<Own>
  readonly rival: Ran<Rival>
  readonly comparison: Comparison
  readonly sameWork: boolean
}

/** Device by device, rivals in the part's order. */
export const versusOf = ({ part, ours, rivals }: PartResult): readonly Versus[] =>
  ours.filter(hasRun).flatMap((own) =>
    rivals
      .filter(hasRun)
      .filter(({ spec }) => spec.only === undefined || spec.only === own.spec.device)
      .map((rival) => ({
        own,
        rival,
        comparison: compare(own.taken, rival.taken),
        sameWork: rival.spec.otherWork !== undefined || sameWork(own.check, rival.check, part.tolerance),
      })),
  )

/** Whether every number may be used: quiet rounds enough, and the same work on both sides. */
export const isSound = (result: PartResult): boolean =>
  versusOf(result).every(({ comparison, sameWork: same }) => !comparison.contended && same)

export interface Verdict {
  readonly aim: Aim
  /** The variant that was fastest; undefined where none ran. */
  readonly fastest: Versus | undefined
  readonly isReached: boolean
}

/** Each aim against the fastest variant of its rival. */
export function judgeAims(result: PartResult): readonly Verdict[] {
  const all = versusOf(result)
  return result.part.aims.map((aim) => {
    const variants = all.filter(({ own, rival }) => own.spec.device === aim.device && rival.spec.rival === aim.rival)
    const ratioOf = ({ comparison }: Versus) => comparison.ratio.median
    const [fastest] = variants.toSorted((a, b) => ratioOf(a) - ratioOf(b))
    return { aim, fastest, isReached: fastest !== undefined && ratioOf(fastest) >= aim.ratio }
  })
}
