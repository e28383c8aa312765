/**
 * A seeded generator: sfc32 (Chris Doty-Humphrey's Small Fast Counting generator, PractRand), seeded by splitmix32.
 * Same seed, same numbers, on every machine.
 */
export interface Random {
  /** Uniform in [0, 1), 32 bits. */
  uniform(): number
  /** Fills with 32 random bits each: the same draws as `uniform`, which gives them over 2^32, without a call for each. */
  fillBits(target: Int32Array): void
  /** Standard normal (Box and Muller 1958). */
  normal(): number
  /** A generator whose numbers do not depend on how many were drawn from this one. */
  fork(label: string): Random
  /** All that its next numbers depend on: copied out and later copied in, it goes on from there. */
  readonly state: Int32Array
}

const twoTo32 = 4_294_967_296

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

/** On its own and over typed arrays: compiled once for all generators, and in 32-bit integers. */
function draw(state: Int32Array, target: Int32Array): void {
  let a = state[0]!
  let b = state[1]!
  let c = state[2]!
  let counter = state[3]!
  for (let i = 0; i < target.length; i++) {
    const result = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + result) | 0
    target[i] = result
  }
  state[0] = a
  state[1] = b
  state[2] = c
  state[3] = counter
}

export function createRandom(seed: number): Random {
  const seeds = splitmix32(seed)
  const state = Int32Array.of(seeds(), seeds(), seeds(), 1)
  const fillBits = (target: Int32Array) => draw(state, target)
  fillBits(new Int32Array(12))
  const one = new Int32Array(1)
  const uniform = () => {
    fillBits(one)
    return (one[0]! >>> 0) / twoTo32
  }
  return {
    state,
    uniform,
    fillBits,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    fork: (label) => {
      // Mixed first, or the forks of a fork would be those of its parent by the joined label.
      let mixed = splitmix32(seed)()
      for (let i = 0; i < label.length; i++) mixed = Math.imul(mixed ^ label.charCodeAt(i), 0x01000193)
      return createRandom(mixed >>> 0)
    },
  }
}

/** Inverted dropout: each element 0 with probability `rate`, else 1 / (1 - rate). */
export function fillDropoutMask(target: Float32Array, rate: number, random: Random): void {
  const kept = 1 / (1 - rate)
  const bits = new Int32Array(target.length)
  random.fillBits(bits)
  // Compared as signed numbers, and without a branch, which would be mispredicted.
  const leastKept = Math.ceil(rate * twoTo32) - twoTo32 / 2
  for (let i = 0; i < target.length; i++) target[i] = +((bits[i]! ^ -0x80000000) >= leastKept) * kept
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
