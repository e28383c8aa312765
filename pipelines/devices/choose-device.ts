import { createHash } from 'node:crypto'
import type { Device, DeviceName, Session } from '../../models/engine/device.ts'
import { timeRuns } from '../../models/engine/timed.ts'
import { Fault } from '../../models/spec/fault.ts'
import type { ChoosingContext, DeviceVerdict, Purpose, Subject, Trial } from './ports.ts'

/** Those that `auto` tries. Of equally fast ones the first is taken. */
export const autoDevices: readonly DeviceName[] = ['cpu', 'tensorflow']

export interface ChosenDevice {
  readonly device: Device
  readonly verdict: DeviceVerdict
  /** Tried now, and not remembered. */
  readonly isNew: boolean
}

/**
 * The device that runs a trial fastest, as remembered for this machine, or tried now. Fault `ENGINE_DEVICE_MISSING` where
 * none runs it.
 */
export async function chooseDevice(trial: Trial, context: ChoosingContext): Promise<ChosenDevice> {
  const verdict = await recallVerdict(trial, context)
  if (verdict !== null) {
    // One that is gone is no choice: what is left is tried again.
    const device = await context.find(verdict.device).catch(() => null)
    if (device !== null) return { device, verdict, isNew: false }
  }
  const tried = await tryDevices(trial, context)
  return { device: await context.find(tried.device), verdict: tried, isNew: true }
}

/** What was found when this was last tried on this machine; null where it never was. */
export const recallVerdict = (
  subject: Subject,
  { memory, machine }: Pick<ChoosingContext, 'memory' | 'machine'>,
): Promise<DeviceVerdict | null> => memory.recall(keyOf(subject, machine))

const keyOf = ({ purpose, ranker, key }: Subject, machine: string) =>
  `${purpose} ${ranker} ${createHash('sha256')
    .update(JSON.stringify([machine, key]))
    .digest('hex')
    .slice(0, 16)}`

/** Runs the trial on every device that is here, and remembers what came of it. Fault `ENGINE_DEVICE_MISSING`. */
export async function tryDevices(trial: Trial, context: ChoosingContext): Promise<DeviceVerdict> {
  const feeds = trial.feeds()
  const open: { readonly device: DeviceName; readonly session: Session }[] = []
  const refused: { readonly device: DeviceName; readonly reason: string }[] = []
  try {
    for (const device of autoDevices) {
      try {
        await context.check(device)
        const session = await trial.open(await context.find(device))
        open.push({ device, session })
        await session.run(feeds)
      } catch (error) {
        if (open.at(-1)?.device === device) await open.pop()!.session.close()
        refused.push({ device, reason: (error as Error).message })
      }
    }
    const times = open.length > 1 ? await timeRuns(sessionsOf(open), feeds, context.nowMs) : []
    const timed = times
      .map((ms, i) => ({ device: open[i]!.device, ms: Math.round(ms * 1_000) / 1_000 }))
      .sort((a, b) => a.ms - b.ms)
    const device = (timed[0] ?? open[0])?.device
    if (device === undefined) throw noneRuns(trial, refused)
    const verdict = { device, timed, refused }
    await context.memory.keep(keyOf(trial, context.machine), verdict)
    return verdict
  } finally {
    for (const session of sessionsOf(open)) await session.close()
  }
}

const sessionsOf = (open: readonly { readonly session: Session }[]) => open.map(({ session }) => session)

const noneRuns = ({ purpose, ranker }: Trial, refused: DeviceVerdict['refused']) =>
  new Fault(
    'ENGINE_DEVICE_MISSING',
    `No device here is fit for ${purpose} "${ranker}". ${refused.map(({ device, reason }) => `${device}: ${reason}`).join(' ')}`,
  )

/** A verdict in words: `training on tensorflow: 28 ms a step against 40 on cpu`. */
export const sayVerdict = (purpose: Purpose, verdict: DeviceVerdict): string =>
  `${purpose} on ${verdict.device}: ${explainVerdict(purpose, verdict)}`

/** Why it was that device. */
export function explainVerdict(purpose: Purpose, { timed, refused }: DeviceVerdict): string {
  const [best, ...others] = timed
  const unit = purpose === 'training' ? 'a step' : 'a request'
  const numbers =
    best === undefined
      ? 'no other device can'
      : `${inMs(best.ms)} ms ${unit}${others.map((other) => ` against ${inMs(other.ms)} on ${other.device}`).join(' and')}`
  const reasons = refused.map(({ device, reason }) => `${device}: ${reason.replace(/\.$/, '')}`)
  return reasons.length === 0 ? numbers : `${numbers} (${reasons.join('; ')})`
}

const inMs = (ms: number) => ms.toFixed(ms >= 10 ? 0 : ms >= 1 ? 1 : 2)
