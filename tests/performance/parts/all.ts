import type { DeviceName } from '../../../models/engine/device.ts'
import type { Part, Settings } from '../part.ts'
import { embeddingParts } from './embedding.ts'
import { epochParts } from './epoch.ts'
import { expertsParts } from './experts.ts'
import { limitParts } from './limits.ts'
import { createPrograms } from './programs.ts'
import { scoringParts } from './scoring.ts'
import { transformerParts } from './transformer.ts'

const families = [expertsParts, transformerParts, epochParts, scoringParts, embeddingParts, limitParts]

/** Every part, in the order of the page. */
export function partsOf(settings: Settings): readonly Part[] {
  const programs = createPrograms(settings)
  return families.flatMap((family) => family(programs))
}

export interface Choice {
  /** The beginning of a part's name; all where left out. */
  readonly only?: string | undefined
  readonly device?: DeviceName | undefined
}

/** Parts whose name begins so, on one device alone where one is named. */
export const choose = (parts: readonly Part[], { only = '', device }: Choice): readonly Part[] =>
  parts
    .filter(({ name }) => name.startsWith(only))
    .map((part) => (device === undefined ? part : onDevice(part, device)))
    .filter(({ ours }) => ours.length > 0)

const onDevice = (part: Part, device: DeviceName): Part => ({
  ...part,
  ours: part.ours.filter((own) => own.device === device),
  rivals: part.rivals.filter(({ only }) => only === undefined || only === device),
  aims: part.aims.filter((aim) => aim.device === device),
})
