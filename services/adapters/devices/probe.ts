import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Device, DeviceName, Precision } from '../../../models/engine/device.ts'
import { Fault } from '../../../models/spec/fault.ts'

export type DeviceFinding =
  | {
      readonly device: DeviceName
      readonly isHere: true
      readonly about: Device['about']
      readonly precisions: readonly Precision[]
    }
  | { readonly device: DeviceName; readonly isHere: false; readonly code: string; readonly message: string }

const giveUpMs = 60_000
const program = ['probe-main.ts', 'probe-main.js'].map((file) => join(import.meta.dirname, file)).find(existsSync)!

/** What a device is, or why it is not here. It is loaded in a process of its own, which it may take down. */
export async function probeDevice(device: DeviceName, probe: string = program): Promise<DeviceFinding> {
  const child = fork(probe, [device], {
    execArgv: probe.endsWith('.ts') ? ['--import', import.meta.resolve('tsx')] : [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: giveUpMs,
  })
  let finding: DeviceFinding | null = null
  let errors = ''
  child.on('message', (message: DeviceFinding) => {
    finding = message
  })
  child.stderr!.on('data', (chunk) => {
    errors += String(chunk)
  })
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done) =>
    child.once('close', (...how) => done(how)),
  )
  if (finding !== null) return finding
  const lastWords = errors.trim().split('\n').at(-1)!.replace(/\.$/, '')
  const how = signal === null ? `code ${code}` : `signal ${signal}`
  const message = `Its runtime ended the process that loaded it (${how})${lastWords === '' ? '' : `: ${lastWords}`}.`
  return { device, isHere: false, code: 'ENGINE_DEVICE_BROKEN', message }
}

/** Fault where the device is not here, or would end the process that loads it. */
export async function checkDevice(name: DeviceName): Promise<void> {
  if (name === 'cpu') return
  const finding = await probeDevice(name)
  if (!finding.isHere) throw new Fault(finding.code, finding.message)
}
