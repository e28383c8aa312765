import type { Detail, Taken } from './comparison.ts'
import type { Aim, Part, Rival } from './part.ts'
import type { PartResult } from './part-result.ts'

/** Made-up results for tests: our time is 1 ms in every round, so a rival's times are the ratios. */
interface Given {
  readonly rivals: readonly GivenRival[]
  readonly aims?: readonly Aim[]
  readonly shows?: Part['shows']
  readonly tolerance?: number
  readonly note?: string
}
interface GivenRival extends Partial<Pick<Rival, 'rival' | 'only' | 'otherWork' | 'missing'>> {
  readonly label?: string
  readonly ratios: readonly number[]
  readonly check?: readonly number[]
  readonly details?: readonly Detail[]
}

const takenOf = (times: readonly number[], details?: readonly Detail[]): readonly Taken[] =>
  times.map((ms) => ({ ms, steps: 1, foreignCores: 0, ...(details === undefined ? {} : { details }) }))

/** polyrank on the processor and on TensorFlow, beside the given rivals. */
export function resultOf({ rivals: given, aims = [], shows = 'times', ...more }: Given): PartResult {
  const rounds = given[0]!.ratios.map(() => 1)
  const ours = (['cpu', 'tensorflow'] as const).map((device) => ({
    spec: { label: `polyrank on ${device}`, device, command: ['polyrank'] as const },
    version: 'v1',
    check: [4.2],
    taken: takenOf(rounds),
  }))
  const rivals = given.map(({ label = 'Rival', rival = label, ratios, check = [4.2], details, missing, ...spec }) => {
    const whole: Rival = { label, rival, command: ['rival'], ...spec }
    return missing === undefined
      ? { spec: whole, version: 'v2', check, taken: takenOf(ratios, details) }
      : { spec: whole, missing }
  })
  const part: Part = {
    name: 'part',
    title: 'A part',
    shows,
    ours: ours.map(({ spec }) => spec),
    rivals: rivals.map(({ spec }) => spec),
    aims,
    ...more,
  }
  return { part, ours, rivals }
}
