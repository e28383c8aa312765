import { defaultEngine, type EngineSettings } from '../../models/spec/engine-settings.ts'
import type { RankerDefinition } from '../../models/spec/ranker.ts'
import { explainVerdict } from '../../pipelines/devices/choose-device.ts'
import type { DeviceVerdict, Subject } from '../../pipelines/devices/ports.ts'
import { servingSubject } from '../../pipelines/devices/serving-trial.ts'
import { trainingSubject } from '../../pipelines/devices/training-trial.ts'

/** What trains and what serves, a line each, where that is not the default. */
export async function deviceLines(
  rankers: readonly RankerDefinition[],
  engine: EngineSettings,
  recall: (subject: Subject) => Promise<DeviceVerdict | null>,
): Promise<string[]> {
  const lines: string[] = []
  for (const purpose of ['training', 'serving'] as const) {
    const { device, precision } = engine[purpose]
    if (device === defaultEngine[purpose].device && precision === defaultEngine[purpose].precision) continue
    const title = purpose === 'training' ? 'Training' : 'Serving'
    const end = precision === 'float32' ? '.' : `, in ${precision}.`
    if (device !== 'auto') {
      lines.push(`${title} on ${device}${end}`)
      continue
    }
    for (const definition of rankers) {
      const subject =
        purpose === 'training'
          ? trainingSubject(definition, engine.training)
          : servingSubject(definition, engine.serving)
      const verdict = await recall(subject)
      lines.push(
        verdict === null
          ? `${title} "${definition.name}" on the fastest device, which the first ${purpose} finds out${end}`
          : `${title} "${definition.name}" on ${verdict.device}: ${explainVerdict(purpose, verdict)}${end}`,
      )
    }
  }
  return lines
}
