/**
 * Numbers that every language draws alike (the generator of Numerical Recipes): s(0) = 1,
 * s(n) = 1664525 s(n-1) + 1013904223 mod 2^32, and the n-th number is s(n) / 2^32. `../peers/draws.py` has the same.
 */
export interface Draws {
  /** Uniform in [0, 1). */
  uniform(): number
  /** Uniform in [-scale / 2, scale / 2). */
  centred(count: number, scale?: number): Float32Array
  /** [inputs, outputs], uniform within sqrt(gain / inputs); gain 2 where left out. */
  weight(inputs: number, outputs: number, gain?: number): Float32Array
}

export function createDraws(): Draws {
  let state = 1
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  const centred = (count: number, scale = 1) => Float32Array.from({ length: count }, () => (uniform() - 0.5) * scale)
  const weight = (inputs: number, outputs: number, gain = 2) => centred(inputs * outputs, 2 * Math.sqrt(gain / inputs))
  return { uniform, centred, weight }
}
