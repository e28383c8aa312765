import { deviceNames } from '../../../models/engine/device.ts'
import { defaultEngine } from '../../../models/spec/engine-settings.ts'
import { Fault } from '../../../models/spec/fault.ts'
import { recallVerdict, tryDevices } from '../../../pipelines/devices/choose-device.ts'
import type { ChoosingContext, DeviceVerdict, Trial } from '../../../pipelines/devices/ports.ts'
import { servingSubject, servingTrial } from '../../../pipelines/devices/serving-trial.ts'
import { trainingSubject, trainingTrial } from '../../../pipelines/devices/training-trial.ts'
import { defaultEvents } from '../../../pipelines/ingest/event-settings.ts'
import { choosingContext } from '../../adapters/devices/configured.ts'
import { type DeviceFinding, probeDevice } from '../../adapters/devices/probe.ts'
import { type Config, loadConfig } from '../../standalone/load-config.ts'
import { createProgressView } from '../../standalone/progress.ts'
import { readSettings, type Settings } from '../../standalone/settings.ts'
import { examineData } from './data-folder.ts'
import { diagnose, reportOf } from './diagnosis.ts'
import { examineMachine } from './machine.ts'
import { examineServers } from './servers.ts'
import { usesOf } from './uses.ts'

export interface DoctorOptions {
  readonly time?: boolean
  readonly json?: boolean
}

/** Looks, prints what it found, and exits 1 where something that is configured cannot work. */
export async function runDoctor({ time, json }: DoctorOptions): Promise<void> {
  const faults: string[] = []
  const settings = usableSettings(faults)
  const { dataFolder } = settings
  const config = await loadConfig(process.cwd()).catch((error) => noConfig(error, faults))
  const devices = await Promise.all(deviceNames.map((name) => probeDevice(name)))
  const context = {
    ...choosingContext(dataFolder, config.engine.training.threads),
    check: async (name: string) => requireHere(devices, name),
  }
  const verdicts = await (time === true ? timeAll(config, context) : recallAll(config, context))
  const uses = usesOf(
    config.rankers,
    config.engine,
    devices,
    (ranker, purpose) => verdicts.get(`${purpose} ${ranker}`) ?? null,
  )
  const configuration = config.from.kind === 'file' ? config.from.path : 'the bundled sample'
  const data = await examineData(dataFolder, settings.databaseUrl === null)
  const servers = await examineServers(settings)
  const diagnosis = diagnose({ machine: examineMachine(), devices, configuration, uses, data, servers }, faults)
  console.log(json === true ? JSON.stringify(diagnosis, null, 2) : reportOf(diagnosis))
  if (diagnosis.problems.length > 0) process.exitCode = 1
}

/** Where a setting is wrong, the data folder is looked at none the less. */
function usableSettings(faults: string[]): Settings {
  try {
    return readSettings(process.env)
  } catch (error) {
    faults.push(faultText(error))
    return readSettings({ POLYRANK_DATA: process.env.POLYRANK_DATA })
  }
}

function noConfig(error: unknown, faults: string[]): Config {
  faults.push(faultText(error))
  return { rankers: [], engine: defaultEngine, events: defaultEvents, from: { kind: 'sample' } }
}

function faultText(error: unknown): string {
  if (error instanceof Fault) return error.message
  throw error
}

function requireHere(devices: readonly DeviceFinding[], name: string): void {
  const finding = devices.find(({ device }) => device === name)!
  if (!finding.isHere) throw new Fault(finding.code, finding.message)
}

/** By purpose and ranker. */
type Verdicts = ReadonlyMap<string, DeviceVerdict>

async function recallAll({ rankers, engine }: Config, context: ChoosingContext): Promise<Verdicts> {
  const verdicts = new Map<string, DeviceVerdict>()
  for (const definition of rankers) {
    for (const subject of [trainingSubject(definition, engine.training), servingSubject(definition, engine.serving)]) {
      const verdict = await recallVerdict(subject, context)
      if (verdict !== null) verdicts.set(`${subject.purpose} ${subject.ranker}`, verdict)
    }
  }
  return verdicts
}

async function timeAll({ rankers, engine }: Config, context: ChoosingContext): Promise<Verdicts> {
  const view = createProgressView(process.stderr)
  const verdicts = new Map<string, DeviceVerdict>()
  const trials: readonly (() => Trial)[] = rankers.flatMap((definition) => [
    () => trainingTrial(definition, engine.training),
    () => servingTrial(definition, engine.serving),
  ])
  for (const [done, prepare] of trials.entries()) {
    view.show('Timing', done, trials.length)
    const trial = prepare()
    // That nothing here runs it is told with the use.
    const verdict = await tryDevices(trial, context).catch(nullIfFault)
    if (verdict !== null) verdicts.set(`${trial.purpose} ${trial.ranker}`, verdict)
  }
  view.end()
  return verdicts
}

function nullIfFault(error: unknown): null {
  if (error instanceof Fault) return null
  throw error
}
