import type { DeviceName, Precision } from '../../../models/engine/device.ts'
import type { DeviceChoice, EngineSettings } from '../../../models/spec/engine-settings.ts'
import { defaultEngine } from '../../../models/spec/engine-settings.ts'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import { explainVerdict } from '../../../pipelines/devices/choose-device.ts'
import type { DeviceVerdict, Purpose } from '../../../pipelines/devices/ports.ts'
import type { DeviceFinding } from '../../adapters/devices/probe.ts'

/** What a ranker is trained on, or served from. */
export interface Use {
  readonly ranker: string
  readonly purpose: Purpose
  readonly configured: DeviceChoice
  /** Null where `auto` has not found it out yet, or what is configured is not here. */
  readonly device: DeviceName | null
  readonly precision: string
  readonly threads: number
  readonly verdict: DeviceVerdict | null
  readonly why: string
  /** What to do where it cannot work. */
  readonly problem: string | null
}

export type KnownVerdicts = (ranker: string, purpose: Purpose) => DeviceVerdict | null

export const usesOf = (
  rankers: readonly RankerDefinition[],
  engine: EngineSettings,
  devices: readonly DeviceFinding[],
  verdicts: KnownVerdicts,
): Use[] =>
  rankers.flatMap((definition) =>
    (['training', 'serving'] as const).map((purpose) => useOf(definition, purpose, engine, devices, verdicts)),
  )

function useOf(
  definition: RankerDefinition,
  purpose: Purpose,
  engine: EngineSettings,
  devices: readonly DeviceFinding[],
  verdicts: KnownVerdicts,
): Use {
  const { device: configured, precision, threads } = engine[purpose]
  const verdict = verdicts(definition.name, purpose)
  const multiplied: Precision = precision === 'bfloat16' ? precision : 'float32'
  const problem = problemOf(purpose, configured, multiplied, devices)
  const chosen = configured === 'auto' ? (verdict?.device ?? null) : configured
  const timed = verdict === null ? null : explainVerdict(purpose, verdict)
  return {
    ranker: definition.name,
    purpose,
    configured,
    device: problem === null ? chosen : null,
    precision,
    threads,
    verdict,
    why:
      configured === 'auto'
        ? (timed ?? `not timed yet: the first ${purpose} does, or \`polyrank doctor --time\``)
        : `${configured === defaultEngine[purpose].device ? 'the default' : 'as configured'}${timed === null ? '' : `; timed: ${bestOf(verdict!)}${timed}`}`,
    problem,
  }
}

const bestOf = ({ device, timed }: DeviceVerdict) => (timed.length === 0 ? '' : `${device} `)

/** Why what is configured cannot work, and what to do; null where it can. */
function problemOf(
  purpose: Purpose,
  configured: DeviceChoice,
  precision: Precision,
  devices: readonly DeviceFinding[],
): string | null {
  const fits = (finding: DeviceFinding) => finding.isHere && finding.precisions.includes(precision)
  if (configured === 'auto') {
    const tried = devices.filter(({ device }) => device !== 'webgpu')
    if (tried.some(fits)) return null
    const reasons = tried.map((finding) => `${finding.device}: ${reasonOf(finding, precision)}`)
    return `engine.${purpose}.device is "auto", and no device here multiplies in ${precision}. ${reasons.join(' ')}`
  }
  const finding = devices.find(({ device }) => device === configured)!
  if (!finding.isHere) return `engine.${purpose}.device is "${configured}": ${finding.message}`
  if (fits(finding)) return null
  return `engine.${purpose}.precision is "${precision}": ${reasonOf(finding, precision)} Choose another device or precision.`
}

const reasonOf = (finding: DeviceFinding, precision: Precision) =>
  finding.isHere
    ? `It does not multiply in ${precision}, only in ${finding.precisions.join(' and ')}.`
    : finding.message
