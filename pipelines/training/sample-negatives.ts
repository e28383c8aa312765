import { rowHasher } from '../../models/spec/hash.ts'
import type { SlateExamples } from '../../models/spec/slate.ts'

const places = 2 ** 32
const placeOf = rowHasher('negative sampling', places)

/**
 * All impressions with feedback, and of the others the share `rate`, each of which says so. Which ones is decided by a hash
 * of slate and item: the same in every training. Slates that have none left are left out.
 */
export function sampleNegatives(slates: readonly SlateExamples[], rate: number): readonly SlateExamples[] {
  if (rate === 1) return slates
  return slates.flatMap((slate) => {
    const impressions = slate.impressions.flatMap((impression) => {
      if (impression.feedback.length > 0) return [impression]
      const { itemId } = slate.input.candidates[impression.candidate]!
      const isKept = placeOf(`${slate.slateId}\u001f${itemId}`) < rate * places
      return isKept ? [{ ...impression, samplingRate: rate }] : []
    })
    return impressions.length === 0 ? [] : [{ ...slate, impressions }]
  })
}
