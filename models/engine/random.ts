/**
 * A seeded generator: sfc32 (Chris Doty-Humphrey's Small Fast Counting generator, PractRand), seeded by splitmix32.
 * Same seed, same numbers, on every machine.
 */
export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  uniform(): number
  /** Standard normal (Box and Muller 1958). */
  normal(): number
  /** A generator whose numbers do not depend on how many were drawn from this one. */
  fork(label: string): Random
}

function splitmix32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = state ^ (state >>> 16)
    mixed = Math.imul(mixed, 0x21f0aaad)
    mixed ^= mixed >>> 15
    mixed = Math.imul(mixed, 0x735a2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
}

export function createRandom(seed: number): Random {
  const seeds = splitmix32(seed)
  let [a, b, c, counter] = [seeds(), seeds(), seeds(), 1] as [number, number, number, number]
  const next = (): number => {
    const result = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + result) | 0
    return result >>> 0
  }
  for (let i = 0; i < 12; i++) next()
  const uniform = () => next() / 4_294_967_296
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    fork: (label) => {
      let mixed = seed | 0
      for (let i = 0; i < label.length; i++) mixed = Math.imul(mixed ^ label.charCodeAt(i), 0x01000193)
      return createRandom(mixed >>> 0)
    },
  }
}

/** Inverted dropout: each element 0 with probability `rate`, else 1 / (1 - rate). */
export function fillDropoutMask(target: Float32Array, rate: number, { uniform }: Random): void {
  const kept = 1 / (1 - rate)
  for (let i = 0; i < target.length; i++) target[i] = uniform() < rate ? 0 : kept
}

/** Shuffles in place (Fisher and Yates). */
export function shuffle(values: Int32Array, { uniform }: Random): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(uniform() * (i + 1))
    const kept = values[i]!
    values[i] = values[j]!
    values[j] = kept
  }
}
