import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { cpu } from '../../../../models/engine/cpu.ts'
import { probeDevice } from '../../../../services/adapters/devices/probe.ts'
import { temporaryFolder } from '../../../flows/process.ts'

const root = temporaryFolder()
let programs = 0
function scripted(text: string): string {
  const file = join(root, `${programs++}.mjs`)
  writeFileSync(file, text)
  return file
}

test('the default device is found in a process of its own, as it is in this one', async () => {
  const { about, precisions } = cpu

  assert.deepEqual(await probeDevice('cpu'), { device: 'cpu', isHere: true, about, precisions })
})

test('what the process finds is passed on, for the device that was asked for', async () => {
  const program = scripted(`
    console.log('noise')
    console.error('more noise')
    const [, , device] = process.argv
    process.send({ device, isHere: false, code: 'ENGINE_DEVICE_MISSING', message: 'Not here.' }, () => process.exit(0))
  `)

  assert.deepEqual(await probeDevice('webgpu', program), {
    device: 'webgpu',
    isHere: false,
    code: 'ENGINE_DEVICE_MISSING',
    message: 'Not here.',
  })
})

test('a runtime that ends its process is a finding, with how it ended and its last words', async () => {
  const broken = { device: 'tensorflow', isHere: false, code: 'ENGINE_DEVICE_BROKEN' } as const
  const killed = scripted(`process.kill(process.pid, 'SIGILL')`)
  const aborted = scripted(`
    console.error('first line')
    console.error('compiled to use AVX instructions, but these are not available')
    process.exitCode = 134
  `)

  assert.deepEqual(await probeDevice('tensorflow', killed), {
    ...broken,
    message: 'Its runtime ended the process that loaded it (signal SIGILL).',
  })
  assert.deepEqual(await probeDevice('tensorflow', aborted), {
    ...broken,
    message:
      'Its runtime ended the process that loaded it (code 134): compiled to use AVX instructions, but these are not available.',
  })
})
