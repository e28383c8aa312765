import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNetwork, type Network } from '../../../models/architectures/network.ts'
import { createRandom } from '../../../models/engine/random.ts'
import type { SideLayout } from '../../../models/spec/batch.ts'
import type { FeatureSpec } from '../../../models/spec/features.ts'
import { bitsOf } from '../engine/run-step.ts'
import { plainLogits } from './plain-forward.ts'
import { smallArchitectures } from './small-architectures.ts'
import {
  networkLogits,
  type PlainSide,
  pick,
  randomSide,
  type Widths,
  wholeRanker,
  wholeStatistics,
} from './whole-ranker.ts'

const widths: Widths = { dimension: 4, tasks: 3 }
const drawWeights = ({ parameters }: Network, seed = 1) => {
  const { normal } = createRandom(seed)
  return Float32Array.from({ length: parameters.size }, () => 0.5 * normal())
}
const whole = createNetwork(wholeRanker(), wholeStatistics)
const sidesOf = ({ layout }: Network, requests: number, candidates: number, seed = 2) => {
  const random = createRandom(seed)
  return {
    request: randomSide(layout.request, requests, widths, random),
    candidate: randomSide(layout.candidate, candidates, widths, random),
  }
}
const rowBits = (logits: Float32Array) => {
  const bits = bitsOf(logits)
  return Array.from({ length: bits.length / 3 }, (_, row) => bits.slice(row * 3, row * 3 + 3))
}
const range = (count: number) => Array.from({ length: count }, (_, i) => i)

/** One place of a side, number by number. */
function plainPlace({ groups, slots, numbers }: SideLayout, side: PlainSide, place: number) {
  const slotAt = (slot: number) => place * slots + slot
  const pooled = groups.flatMap(({ offset, count }) =>
    range(widths.dimension).map((d) =>
      range(count).reduce((sum, i) => {
        const slot = slotAt(offset + i)
        return sum + side.weights[slot]! * side.deep[slot * widths.dimension + d]!
      }, 0),
    ),
  )
  const values = numbers.map((name, i) => {
    const at = place * numbers.length + i
    const { mean, deviation, edges, codeMeans } = wholeStatistics.numbers[name]!
    const present = side.present[at]!
    const codes = range(16).map((bin) => {
      if (bin >= codeMeans.length) return 0
      const share = (side.numbers[at]! - edges[bin]!) / (edges[bin + 1]! - edges[bin]!)
      return (Math.min(Math.max(share, 0), 1) - codeMeans[bin]!) * present
    })
    return {
      score: Math.min(Math.max((side.numbers[at]! - mean) / deviation, -5), 5) * present,
      codes,
      missing: 1 - present,
    }
  })
  const codes = values.flatMap((value) => value.codes)
  const wide = range(widths.tasks).map((t) =>
    range(slots).reduce(
      (sum, slot) => sum + side.weights[slotAt(slot)]! * side.wide[slotAt(slot) * widths.tasks + t]!,
      0,
    ),
  )
  return {
    row: [...pooled, ...values.map(({ score }) => score), ...codes, ...values.map(({ missing }) => missing)],
    codes,
    wide,
  }
}

test('parameters: those of the architecture, a bias a task, and the wide weights of the numbers in a group of their own', () => {
  const { parameters, layout } = whole
  const names = parameters.parameters.map(({ name }) => name)
  const numbers = layout.request.numbers.length + layout.candidate.numbers.length
  const wide = parameters.parameters.find(({ name }) => name === 'wide.codes')!

  assert.deepEqual(names.slice(-2), ['task.bias', 'wide.codes'])
  assert.deepEqual(wide.shape, [numbers * 16, 3])
  assert.deepEqual(parameters.groups.wide, { offset: wide.offset, size: wide.size })
  const inputs = parameters.parameters.find(({ name }) => name === 'expert.weight')!.shape[0]
  const groups = layout.request.groups.length + layout.candidate.groups.length
  assert.equal(inputs, groups * 4 + numbers * (1 + 16 + 1))
})

for (const architecture of smallArchitectures) {
  test(`${architecture.kind}: logits are those of a plain pass over embeddings, numbers, wide part and biases`, async () => {
    const network = createNetwork(wholeRanker({ architecture }), wholeStatistics)
    const flat = drawWeights(network)
    const weights = Object.fromEntries(
      network.parameters.parameters.map(({ name, offset, size }) => [name, [...flat.subarray(offset, offset + size)]]),
    )
    const { request, candidate } = sidesOf(network, 2, 6)
    const found = await networkLogits(network, widths, flat, request, candidate, [2, 6])

    const places = range(6).map((place) => {
      const shared = plainPlace(network.layout.request, request, Math.floor(place / 3))
      const own = plainPlace(network.layout.candidate, candidate, place)
      return { row: [...shared.row, ...own.row], codes: [...shared.codes, ...own.codes], sides: [shared, own] }
    })
    const deep = plainLogits(
      architecture,
      3,
      weights,
      places.map(({ row }) => row),
    )
    places.forEach(({ codes, sides }, place) => {
      for (const t of range(3)) {
        const linear = codes.reduce((sum, code, i) => sum + code * weights['wide.codes']![i * 3 + t]!, 0)
        const wanted = deep[place]![t]! + linear + sides[0]!.wide[t]! + sides[1]!.wide[t]! + weights['task.bias']![t]!
        const error = Math.abs(found[place * 3 + t]! - wanted)
        assert.ok(error < 1e-4, `place ${place}, task ${t}: ${found[place * 3 + t]}, not ${wanted}`)
      }
    })
  })
}

test('a request given once for its candidates gives the same logits as given with each of them', async () => {
  const flat = drawWeights(whole)
  for (const [requests, candidates] of [
    [1, 16],
    [4, 4],
    [3, 2],
    [2, 1],
  ] as const) {
    const places = requests * candidates
    const { request, candidate } = sidesOf(whole, requests, places)
    const repeated = pick(
      request,
      requests,
      range(places).map((place) => Math.floor(place / candidates)),
    )
    const shared = await networkLogits(whole, widths, flat, request, candidate, [requests, places])
    const separate = await networkLogits(whole, widths, flat, repeated, candidate, [places, places])

    // Sums over one place and over several may be made in another order.
    shared.forEach((logit, i) => {
      assert.ok(Math.abs(logit - separate[i]!) < 2e-6, `${requests} x ${candidates}: ${logit}, not ${separate[i]}`)
    })
  }
})

test("a candidate's logits do not depend on the other candidates, nor on its place in a full bucket", async () => {
  const flat = drawWeights(whole)
  const { request, candidate } = sidesOf(whole, 1, 16)
  const score = async (side: PlainSide) => rowBits(await networkLogits(whole, widths, flat, request, side, [1, 16]))
  const all = await score(candidate)

  const others = sidesOf(whole, 1, 16, 99).candidate
  const mixed = pick(
    joined(candidate, others),
    32,
    range(16).map((i) => (i < 5 ? i : 16 + i)),
  )
  assert.deepEqual((await score(mixed)).slice(0, 5), all.slice(0, 5))
  assert.deepEqual(await score(pick(candidate, 16, range(16).reverse())), all.toReversed())
})

test('a row that was never trained adds nothing, as if its place were empty', async () => {
  const flat = drawWeights(whole)
  const { request, candidate } = sidesOf(whole, 1, 16)
  for (const { offset } of [...whole.layout.candidate.groups]) {
    const unseen = structuredClone(candidate)
    const empty = structuredClone(candidate)
    for (const place of range(16)) {
      const slot = place * whole.layout.candidate.slots + offset
      for (const side of [unseen, empty]) {
        side.deep.fill(0, slot * 4, (slot + 1) * 4)
        side.wide.fill(0, slot * 3, (slot + 1) * 3)
      }
      empty.weights[slot] = 0
    }
    const read = await networkLogits(whole, widths, flat, request, unseen, [1, 16])

    assert.deepEqual(read, await networkLogits(whole, widths, flat, request, empty, [1, 16]))
    assert.notDeepEqual(read, await networkLogits(whole, widths, flat, request, candidate, [1, 16]))
  }
})

test('a ranker may have features of one side or one kind only', async () => {
  const kinds: Record<string, readonly FeatureSpec[]> = {
    'item ids': [{ kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 9 } }],
    'user ids': [{ kind: 'categorical', name: 'userId', scope: 'user', rows: { buckets: 9 } }],
    'item numbers': [{ kind: 'numeric', name: 'price', scope: 'item', scale: 'standard' }],
    'user numbers': [{ kind: 'numeric', name: 'age', scope: 'user', scale: 'standard' }],
    'numbers in bins': [{ kind: 'numeric', name: 'length', scope: 'item', scale: 'buckets' }],
  }
  for (const [kind, features] of Object.entries(kinds)) {
    const network = createNetwork(wholeRanker({ features }), wholeStatistics)
    const { request, candidate } = sidesOf(network, 1, 3)
    const logits = await networkLogits(network, widths, drawWeights(network), request, candidate, [1, 3])

    assert.equal(logits.length, 9, kind)
    assert.equal(logits.every(Number.isFinite), true, kind)
    assert.equal(network.parameters.groups.wide === undefined, !kind.endsWith('numbers'), kind)
  }
})

function joined(a: PlainSide, b: PlainSide): PlainSide {
  const both = (part: keyof PlainSide) => Float32Array.from([...a[part], ...b[part]])
  return {
    deep: both('deep'),
    wide: both('wide'),
    weights: both('weights'),
    numbers: both('numbers'),
    present: both('present'),
  }
}
