import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Device, DeviceName } from '../../../models/engine/device.ts'
import { Fault } from '../../../models/spec/fault.ts'
import { chooseDevice, recallVerdict, sayVerdict, tryDevices } from '../../../pipelines/devices/choose-device.ts'
import type { ChoosingContext, DeviceVerdict, Trial, VerdictMemory } from '../../../pipelines/devices/ports.ts'

const memory = (): VerdictMemory & { readonly kept: Map<string, DeviceVerdict> } => {
  const kept = new Map<string, DeviceVerdict>()
  return {
    kept,
    recall: async (key) => kept.get(key) ?? null,
    keep: async (key, verdict) => void kept.set(key, verdict),
  }
}

const missing = new Fault('ENGINE_DEVICE_MISSING', 'TensorFlow is not installed.')

/** How long a run takes on each device; a fault is why it is not here. */
type Devices = Partial<Record<DeviceName, number | Fault>>

/** Devices whose runs take time on a clock of their own. */
function world(devices: Devices, changes: Partial<ChoosingContext> = {}) {
  let nowMs = 0
  const [opened, closed] = [[] as DeviceName[], [] as DeviceName[]]
  const find = async (name: DeviceName): Promise<Device> => {
    const ms = devices[name] ?? missing
    if (typeof ms !== 'number') throw ms
    return {
      name,
      about: { runtime: '', hardware: '', notes: [] },
      precisions: ['float32'],
      async open() {
        opened.push(name)
        return {
          run: async () => {
            nowMs += ms
            return {}
          },
          readState: async () => ({}),
          close: async () => void closed.push(name),
        }
      },
    }
  }
  const context: ChoosingContext = {
    check: async () => {},
    find,
    memory: memory(),
    machine: 'this one',
    nowMs: () => nowMs,
    ...changes,
  }
  return { context, opened, closed }
}

const program = { values: [], nodes: [], constants: new Map(), inputs: [], outputs: [], state: [] }
const aTrial = (changes: Partial<Trial> = {}): Trial => ({
  purpose: 'training',
  ranker: 'home',
  key: 'definition 1',
  open: (device) => device.open(program, { threads: 1 }),
  feeds: () => ({}),
  ...changes,
})

test('the fastest device is taken, and said with its numbers', async () => {
  const { context, opened, closed } = world({ cpu: 40, tensorflow: 28 })

  const { device, verdict, isNew } = await chooseDevice(aTrial(), context)

  assert.deepEqual([device.name, isNew], ['tensorflow', true])
  assert.equal(sayVerdict('training', verdict), 'training on tensorflow: 28 ms a step against 40 on cpu')
  assert.deepEqual(
    [opened, closed.toSorted()],
    [
      ['cpu', 'tensorflow'],
      ['cpu', 'tensorflow'],
    ],
  )
})

test('of equally fast devices the processor is taken', async () => {
  const { context } = world({ cpu: 2.5, tensorflow: 2.5 })

  const { device, verdict } = await chooseDevice(aTrial({ purpose: 'serving' }), context)

  assert.equal(device.name, 'cpu')
  assert.equal(sayVerdict('serving', verdict), 'serving on cpu: 2.5 ms a request against 2.5 on tensorflow')
})

test('what was found is remembered, and nothing is run again', async () => {
  const { context, opened } = world({ cpu: 40, tensorflow: 28 })
  const first = await chooseDevice(aTrial(), context)

  const again = await chooseDevice(aTrial({ open: () => assert.fail('it was opened') }), context)

  assert.deepEqual([again.device.name, again.isNew], ['tensorflow', false])
  assert.deepEqual(again.verdict, first.verdict)
  assert.deepEqual(await recallVerdict(aTrial(), context), first.verdict)
  assert.equal(opened.length, 2)
})

test('another machine, runtime, definition, purpose or ranker is tried anew', async () => {
  const { context } = world({ cpu: 40, tensorflow: 28 })
  await chooseDevice(aTrial(), context)
  const isNew = async (trial: Trial, changed = context) => (await chooseDevice(trial, changed)).isNew

  assert.equal(await isNew(aTrial(), { ...context, machine: 'this one with TensorFlow 2.22' }), true)
  for (const change of [{ key: 'definition 2' }, { purpose: 'serving' as const }, { ranker: 'search' }])
    assert.equal(await isNew(aTrial(change)), true)
  assert.equal(await isNew(aTrial()), false)
})

test('a device that is not here is no choice, and its reason is said', async () => {
  const { context, opened } = world({ cpu: 40 })

  const { device, verdict } = await chooseDevice(aTrial(), context)

  assert.deepEqual([device.name, opened], ['cpu', ['cpu']])
  assert.equal(
    sayVerdict('training', verdict),
    'training on cpu: no other device can (tensorflow: TensorFlow is not installed)',
  )
})

test('a device that does not open the step, or breaks while it runs, is no choice either, and is closed', async () => {
  const refuses = new Fault('ENGINE_PRECISION_UNSUPPORTED', 'Not in bfloat16.')
  const unopened = world({ cpu: 40, tensorflow: 28 })
  const open: Trial['open'] = (device) =>
    device.name === 'cpu' ? Promise.reject(refuses) : device.open(program, { threads: 1 })

  const { verdict } = await chooseDevice(aTrial({ open }), unopened.context)

  assert.equal(sayVerdict('training', verdict), 'training on tensorflow: no other device can (cpu: Not in bfloat16)')
  const breaking = world({ cpu: 40, tensorflow: 28 })
  const breaks: Trial['open'] = async (device) => {
    const session = await device.open(program, { threads: 1 })
    return device.name === 'tensorflow' ? { ...session, run: () => Promise.reject(new Error('no memory')) } : session
  }
  const tried = await tryDevices(aTrial({ open: breaks }), breaking.context)
  assert.deepEqual(tried, { device: 'cpu', timed: [], refused: [{ device: 'tensorflow', reason: 'no memory' }] })
  assert.deepEqual(breaking.closed.toSorted(), ['cpu', 'tensorflow'])
})

test('a device that would take the process down is never loaded into it', async () => {
  const crash = new Fault('ENGINE_DEVICE_BROKEN', 'Its runtime ended the process that loaded it (signal SIGILL)')
  const { context, opened } = world(
    { cpu: 40, tensorflow: 28 },
    { check: async (name) => (name === 'tensorflow' ? Promise.reject(crash) : undefined) },
  )

  const { verdict } = await chooseDevice(aTrial(), context)

  assert.deepEqual(verdict.refused, [{ device: 'tensorflow', reason: crash.message }])
  assert.deepEqual(opened, ['cpu'])
})

test('the device for which one has to ask is never tried', async () => {
  const { context, opened } = world({ cpu: 40, tensorflow: 28, webgpu: 1 })

  const { device } = await chooseDevice(aTrial(), context)

  assert.equal(device.name, 'tensorflow')
  assert.ok(!opened.includes('webgpu'))
})

test('a remembered device that is gone is replaced by trying what is left', async () => {
  const devices: Devices = { cpu: 40, tensorflow: 28 }
  const { context } = world(devices)
  await chooseDevice(aTrial(), context)
  devices.tensorflow = missing

  const { device, isNew } = await chooseDevice(aTrial(), context)

  assert.deepEqual([device.name, isNew], ['cpu', true])
  assert.equal((await recallVerdict(aTrial(), context))?.device, 'cpu')
})

test('where no device runs it, the fault has every reason, and nothing is remembered', async () => {
  const kept = memory()
  const { context } = world({ cpu: new Fault('X', 'No processor.') }, { memory: kept })

  await assert.rejects(chooseDevice(aTrial(), context), {
    code: 'ENGINE_DEVICE_MISSING',
    message: 'No device here is fit for training "home". cpu: No processor. tensorflow: TensorFlow is not installed.',
  })

  assert.equal(kept.kept.size, 0)
})

test('times are told in as many digits as tell them apart', () => {
  const of = (a: number, b: number) =>
    sayVerdict('training', {
      device: 'cpu',
      timed: [
        { device: 'cpu', ms: a },
        { device: 'tensorflow', ms: b },
      ],
      refused: [],
    })

  assert.match(of(0.123, 1.25), /: 0\.12 ms a step against 1\.3 on/)
  assert.match(of(9.94, 1_234.5), /: 9\.9 ms a step against 1235 on/)
})
