import { cpu } from '../../../models/engine/cpu.ts'
import type { Device } from '../../../models/engine/device.ts'
import { sizeOf } from '../../../models/engine/kernels/kernel.ts'
import type { Program, TypedArray } from '../../../models/engine/program.ts'
import { createRandom, type Random } from '../../../models/engine/random.ts'
import { record, type Step } from '../../../models/engine/record.ts'

type Named = Readonly<Record<string, TypedArray>>

/** Outputs of one run of a program, by name. */
export async function runProgram(
  program: Program,
  feeds: Named,
  device: Device = cpu,
): Promise<Record<string, TypedArray>> {
  const session = await device.open(program, { threads: 1 })
  try {
    const outputs = await session.run(feeds)
    return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, values.slice()]))
  } finally {
    await session.close()
  }
}

/** Records a step without state and runs it once. */
export const runStep = (step: Step, feeds: Named, device: Device = cpu): Promise<Record<string, TypedArray>> =>
  runProgram(record(step), feeds, device)

/** Random numbers of about one for every input of a program; whole numbers below `below` for its int32 ones. */
export function randomFeeds(program: Program, random: Random = createRandom(1), below = 1): Record<string, TypedArray> {
  return Object.fromEntries(
    program.inputs.map(({ name, value }) => {
      const { shape, dtype } = program.values[value]!
      const length = sizeOf(shape)
      return [
        name,
        dtype === 'float32'
          ? Float32Array.from({ length }, () => random.normal())
          : Int32Array.from({ length }, () => Math.floor(random.uniform() * below)),
      ]
    }),
  )
}

/** The bits of float32 numbers, so that -0 is not 0 and every NaN is itself. */
export const bitsOf = (values: TypedArray): number[] => [
  ...new Uint32Array(Float32Array.from(values as Float32Array).buffer),
]
