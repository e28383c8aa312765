/** polyrank's side of every part, on the device that `--device` names. */
import type { Device, DeviceName, Precision } from '../../../models/engine/device.ts'
import { findDevice } from '../../../models/engine/devices.ts'
import { Fault } from '../../../models/spec/fault.ts'
import { embeddingTraining } from '../workloads/embedding.ts'
import { kuairandPass } from '../workloads/epoch.ts'
import { expertsScoring, expertsScoringInt8, expertsTraining } from '../workloads/experts.ts'
import { deviceLimits } from '../workloads/limits.ts'
import { transformerTraining } from '../workloads/transformer.ts'
import type { Workload, WorkloadOptions } from '../workloads/workload.ts'
import { readOptions, sayMissing, serveRounds } from './protocol.ts'

const workloads: Readonly<Record<string, (options: WorkloadOptions) => Promise<Workload>>> = {
  experts: expertsTraining,
  scoring: expertsScoring,
  'scoring-int8': expertsScoringInt8,
  transformer: transformerTraining,
  embedding: embeddingTraining,
  epoch: kuairandPass,
  limits: deviceLimits,
}

/** What the reason is for a reader of the results; null for faults that are none of the machine's. */
const reasonOf = (error: unknown): string | null =>
  error instanceof Fault &&
  ['ENGINE_DEVICE_MISSING', 'ENGINE_DEVICE_BROKEN', 'ENGINE_PRECISION_UNSUPPORTED'].includes(error.code)
    ? error.message
    : null

const options = readOptions()
try {
  const device: Device = await findDevice(options.device as DeviceName)
  const prepare = workloads[options.workload]
  if (prepare === undefined) throw new RangeError(`There is no workload "${options.workload}".`)
  const { check, measure } = await prepare({ ...options, device, precision: options.precision as Precision })
  await serveRounds({ version: device.about.runtime, check }, measure)
} catch (error) {
  const reason = reasonOf(error)
  if (reason === null) throw error
  sayMissing(reason)
}
// Threads of a runtime would keep the process alive.
process.exit(0)
