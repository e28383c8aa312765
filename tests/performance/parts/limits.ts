import type { DeviceName } from '../../../models/engine/device.ts'
import type { Part } from '../part.ts'
import { measuredStep } from '../workloads/limits.ts'
import { distinct, matmulsOf } from '../workloads/matmuls.ts'
import { devices, type Programs } from './programs.ts'

const rows = 1024

/** What of the experts' step is left where nothing but its multiplications is counted. */
export function limitParts(programs: Programs): readonly Part[] {
  const otherWork = 'the multiplications alone'
  const own = (device: DeviceName) =>
    programs.polyrankBeside(device, { workload: 'limits', rows }, 'its multiplications alone', otherWork)
  const shapes = distinct(matmulsOf(measuredStep(rows))).map(({ name }) => name)
  const pytorch = programs.pytorch('its multiplications in PyTorch', 'eager', '', { workload: 'matmuls', rows }, [
    '--shapes',
    shapes.join(';'),
  ])
  return [
    {
      name: 'limits',
      title: "What of the experts' step its matrix multiplications take, run alone, and what memory gives",
      shows: 'share',
      ours: devices.map((device) => programs.polyrank(device, { workload: 'experts', rows })),
      rivals: [...devices.map(own), { ...pytorch, otherWork }],
      aims: [],
    },
  ]
}
