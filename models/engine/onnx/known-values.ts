import { sizeOf } from '../kernels/kernel.ts'
import type { Program, TypedArray, ValueId } from '../program.ts'

/** Values that are known before any run: constants, `given`, and what merely cuts, turns or renames those. */
export function knownValues(
  { values, nodes, constants, inputs }: Program,
  given: Readonly<Record<string, TypedArray>>,
): ReadonlyMap<ValueId, TypedArray> {
  const known = new Map<ValueId, TypedArray>(constants)
  for (const { name, value } of inputs) if (given[name] !== undefined) known.set(value, given[name])
  for (const { kernel, inputs: from, outputs, attributes } of nodes) {
    const data = known.get(from[0]!)
    if (data === undefined) continue
    const { shape } = values[from[0]!]!
    if (['Reshape', 'ExpandDims', 'Identity'].includes(kernel)) known.set(outputs[0]!, data)
    else if (kernel === 'Slice' && shape.length === 1) {
      const [begin, end] = [attributes.begin, attributes.end] as readonly (readonly number[])[]
      known.set(outputs[0]!, data.subarray(begin![0], end![0]))
    } else if (kernel === 'Unpack' && attributes.axis === 0) {
      const size = data.length / outputs.length
      outputs.forEach((output, i) => void known.set(output, data.subarray(i * size, (i + 1) * size)))
    } else if (kernel === 'Transpose') {
      known.set(outputs[0]!, transposed(data, shape, attributes.perm as readonly number[]))
    }
  }
  return known
}

/** Row-major `data` [shape], its axes in the order of `perm`. */
function transposed(data: TypedArray, shape: readonly number[], perm: readonly number[]): TypedArray {
  const turned = data.slice()
  const steps = perm.map((axis) => sizeOf(shape.slice(axis + 1)))
  const index = perm.map(() => 0)
  let from = 0
  for (let to = 0; to < data.length; to++) {
    turned[to] = data[from]!
    for (let axis = perm.length - 1; axis >= 0; axis--) {
      from += steps[axis]!
      if (++index[axis]! < shape[perm[axis]!]!) break
      from -= steps[axis]! * shape[perm[axis]!]!
      index[axis] = 0
    }
  }
  return turned
}
