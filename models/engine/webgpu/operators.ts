import type { GraphWriter } from '../onnx/graph.ts'

export const float = (graph: GraphWriter, value: number) => graph.scalar(value, 'float32')

/** An operator of one or more inputs, in other operators. */
type Spelling = (graph: GraphWriter, inputs: readonly string[], output?: string) => string

/** Horner's scheme, the highest term first. */
export const polynomial = (graph: GraphWriter, [highest, ...terms]: readonly number[], x: string) =>
  terms.reduce(
    (sum, term) => graph.node('Add', [graph.node('Mul', [sum, x]), float(graph, term)]),
    float(graph, highest!),
  )

/** Parts of pi, each but the last of few enough bits that whole multiples of it are exact. */
const piParts = [3.140625, 9.675025939941406e-4, 1.5099579909783765e-7]
/** Taylor's coefficients of sin(r) / r in r * r, the last first: out by 6e-8 at pi / 2. */
const sineTerms = [-1 / 39_916_800, 1 / 362_880, -1 / 5_040, 1 / 120, -1 / 6, 1]

/** x = n pi + r, and sin(x) = (-1)^n sin(r). */
const sine: Spelling = (graph, [x], output) => {
  const times = (a: string, factor: number) => graph.node('Mul', [a, float(graph, factor)])
  const plus = (a: string, term: number) => graph.node('Add', [a, float(graph, term)])
  const n = graph.node('Floor', [plus(times(x!, 1 / Math.PI), 0.5)])
  const r = piParts.reduce((rest, part) => graph.node('Sub', [rest, times(n, part)]), x!)
  const odd = graph.node('Sub', [n, times(graph.node('Floor', [times(n, 0.5)]), 2)])
  const squared = graph.node('Mul', [r, r])
  const sinR = graph.node('Mul', [polynomial(graph, sineTerms, squared), r])
  return graph.node('Mul', [sinR, plus(times(odd, -2), 1)], {}, output)
}

/** Halves go to the even neighbour. */
const round: Spelling = (graph, [x], output) => {
  const floor = graph.node('Floor', [x!])
  const above = graph.node('Sub', [x!, floor])
  const half = float(graph, 0.5)
  const next = graph.node('Add', [floor, float(graph, 1)])
  const even = graph.node('Mul', [graph.node('Floor', [graph.node('Mul', [floor, half])]), float(graph, 2)])
  const tie = graph.node('Where', [graph.node('Equal', [even, floor]), floor, next])
  const nearest = graph.node('Where', [graph.node('Greater', [above, half]), next, floor])
  return graph.node('Where', [graph.node('Equal', [above, half]), tie, nearest], {}, output)
}

/** The series of erf(x) / x in x * x, the last first: about 0 the provider's own is out by 1e-7 of 1, not of itself. */
const erfTerms = [1 / 216, -1 / 42, 1 / 10, -1 / 3, 1].map((term) => (term * 2) / Math.sqrt(Math.PI))

const erf: Spelling = (graph, [x], output) => {
  const near = graph.node('Mul', [x!, polynomial(graph, erfTerms, graph.node('Mul', [x!, x!]))])
  const isNear = graph.node('Less', [graph.node('Abs', [x!]), float(graph, 0.4)])
  return graph.node('Where', [isNear, near, graph.node('Erf', [x!])], {}, output)
}

const spellings: Readonly<Record<string, Spelling>> = {
  IsNaN: (graph, [x], output) => graph.node('Not', [graph.node('Equal', [x!, x!])], {}, output),
  Erf: erf,
  Or: (graph, inputs, output) => {
    const neither = inputs.map((input) => graph.node('Not', [input]))
    return graph.node('Not', [graph.node('And', neither)], {}, output)
  },
  Round: round,
  Sign: (graph, [x], output) => {
    const zero = float(graph, 0)
    const negative = graph.node('Where', [graph.node('Less', [x!, zero]), float(graph, -1), x!])
    return graph.node('Where', [graph.node('Greater', [x!, zero]), float(graph, 1), negative], {}, output)
  },
  Sum: (graph, [first, ...others], output) => {
    const sum = others.slice(0, -1).reduce((total, input) => graph.node('Add', [total, input]), first!)
    return graph.node(others.length === 0 ? 'Identity' : 'Add', [sum, ...others.slice(-1)], {}, output)
  },
  // WGSL lets a sine be out by 2^-11, and a logarithm of what is not above 0 be any number.
  Sin: sine,
  Cos: (graph, [x], output) => sine(graph, [graph.node('Add', [x!, float(graph, Math.PI / 2)])], output),
  Log: (graph, [x], output) => {
    const none = [float(graph, Number.NEGATIVE_INFINITY), float(graph, Number.NaN)]
    const zero = float(graph, 0)
    const outside = graph.node('Where', [graph.node('Equal', [x!, zero]), ...none])
    return graph.node('Where', [graph.node('Greater', [x!, zero]), graph.node('Log', [x!]), outside], {}, output)
  },
}

/** Writes the operators that ONNX Runtime's WebGPU provider lacks, or computes too roughly, in those that it has. */
export const webgpuOperators = (graph: GraphWriter): GraphWriter => ({
  ...graph,
  node: (opType, inputs, attributes, output) =>
    spellings[opType]?.(graph, inputs, output) ?? graph.node(opType, inputs, attributes, output),
})
