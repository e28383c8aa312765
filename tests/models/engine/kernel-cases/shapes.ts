import { createRandom, type Random } from '../../../../models/engine/random.ts'
import type { Shape } from './case.ts'

const below = ({ uniform }: Random, count: number) => Math.floor(uniform() * count)

/** One in eight axes has no entries where `empty`. */
function randomShape(random: Random, rank: number, empty: boolean): Shape {
  return Array.from({ length: rank }, () => (empty && below(random, 8) === 0 ? 0 : 1 + below(random, 4)))
}

/** A shape of each of these ranks, the same at every run. */
export function randomShapes(seed: number, of: readonly number[], { empty = true } = {}): Shape[] {
  const random = createRandom(seed)
  return of.map((rank) => randomShape(random, rank, empty))
}

/** The shape as it may be before broadcasting: with axes of extent 1, and without its first ones. */
function narrowed(random: Random, shape: Shape): Shape {
  const narrow = shape.map((extent) => (below(random, 3) === 0 ? 1 : extent))
  return narrow.slice(below(random, 3) === 0 ? below(random, shape.length + 1) : 0)
}

/** Pairs of shapes that broadcast with one another. */
export function randomPairs(seed: number, of: readonly number[]): (readonly [Shape, Shape])[] {
  const random = createRandom(seed)
  return of.map((rank) => {
    const whole = randomShape(random, rank, true)
    return [narrowed(random, whole), narrowed(random, whole)]
  })
}

/** One of every rank. */
export const ranks: readonly Shape[] = [[], [7], [3, 5], [2, 3, 4], [2, 1, 3, 2], [2, 2, 1, 3, 2]]

/** With no entries: along the only axis, the last, the first, one in the middle. */
export const empties: readonly Shape[] = [[0], [2, 0], [0, 3], [2, 0, 3]]

/** Same shapes, broadcasting of each kind, a scalar, rank 5, nothing to broadcast. */
export const pairs: readonly (readonly [Shape, Shape])[] = [
  [[], []],
  [[6], [6]],
  [[4, 3], [3]],
  [[3], [4, 3]],
  [
    [4, 1],
    [1, 5],
  ],
  [[2, 3, 4], []],
  [
    [2, 1, 3, 1],
    [4, 1, 2],
  ],
  [
    [2, 1, 2, 1, 3],
    [1, 2, 1, 2, 1],
  ],
  [[0], []],
  [[0, 3], [3]],
]
