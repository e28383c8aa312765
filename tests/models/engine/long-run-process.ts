import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import type { DeviceName } from '../../../models/engine/device.ts'

/** What a process holds. */
export interface Held {
  /** Steps made, or sessions opened and closed. */
  readonly at: number
  readonly residentBytes: number
  readonly files: number
  readonly threads: number
  readonly resources: number
}
export interface LongRun {
  readonly ofSteps: readonly Held[]
  readonly ofSessions: readonly Held[]
}

const [steps, sessions] = [20_000, 200]
const program = join(import.meta.dirname, 'long-run.ts')
const mostGrowth = 1.03

async function longRun(device: DeviceName): Promise<LongRun> {
  const options = ['--expose-gc', '--import', import.meta.resolve('tsx'), program, device]
  const { stdout } = await promisify(execFile)(process.execPath, [...options, String(steps), String(sessions)])
  return JSON.parse(stdout.trim().split('\n').at(-1)!)
}

const megabytes = (held: readonly Held[]) => held.map(({ residentBytes }) => Math.round(residentBytes / 1e6)).join(' ')
const most = (held: readonly Held[], part: Exclude<keyof Held, 'at'>) => Math.max(...held.map((each) => each[part]))

/** The suite that a device passes: a process that trains for long, or opens many sessions, holds no more than after a while. */
export function testLongRun(device: DeviceName): void {
  const run = longRun(device)
  run.catch(() => 'told by the tests')

  test(`from the thousandth of ${steps} steps on ${device}, memory stays as it is`, async () => {
    const { ofSteps } = await run
    const [first, ...later] = ofSteps.filter(({ at }) => at >= 1_000)

    assert.equal(ofSteps.at(-1)!.at, steps)
    const growth = most(later, 'residentBytes') / first!.residentBytes
    assert.ok(growth <= mostGrowth, `${growth} times, in MB: ${megabytes(ofSteps)}`)
  })

  test(`after a tenth of ${sessions} sessions on ${device} were opened and closed, memory stays as it is`, async () => {
    const { ofSessions } = await run
    const [first, ...later] = ofSessions.filter(({ at }) => at >= sessions / 10)

    assert.equal(ofSessions.at(-1)!.at, sessions)
    const growth = most(later, 'residentBytes') / first!.residentBytes
    assert.ok(growth <= mostGrowth, `${growth} times, in MB: ${megabytes(ofSessions)}`)
  })

  for (const part of ['files', 'threads', 'resources'] as const) {
    test(`neither steps nor sessions on ${device} leave ${part} behind`, async () => {
      const { ofSteps, ofSessions } = await run
      for (const held of [ofSteps, ofSessions]) {
        const [first, ...later] = held.filter(({ at }) => at >= 20)
        assert.ok(most(later, part) <= first![part], JSON.stringify([first, later.at(-1)]))
      }
    })
  }
}
