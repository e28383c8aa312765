import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { cpu } from '../../../models/engine/cpu.ts'
import type { Device } from '../../../models/engine/device.ts'
import type { VersionRegistry } from '../../../pipelines/promotion/ports.ts'
import { createFileBlobStore } from '../../../services/adapters/blobs/files.ts'
import { type JobContext, runJob } from '../../../services/trainer/run-job.ts'
import { temporaryFolder } from '../../flows/process.ts'
import { aJob } from '../ranker/fake-service.ts'
import { quickRanker, smallSource } from '../ranker/small-version.ts'

/** Runs a job whose version `device` is to serve; what it activated. */
async function activatedOn(device: Device): Promise<{ activated: string[]; asked: string[] }> {
  const [activated, asked] = [[] as string[], [] as string[]]
  const folder = temporaryFolder()
  const registry: VersionRegistry = {
    publish: async () => {},
    find: async () => null,
    list: async () => [],
    activate: async ({ ranker }) => void activated.push(ranker),
    active: async () => null,
  }
  const context: JobContext = {
    definitions: [quickRanker],
    source: smallSource(),
    registry,
    blobs: createFileBlobStore(join(folder, 'blobs')),
    device: cpu,
    threads: 1,
    servingDevice: async ({ name }) => {
      asked.push(name)
      return device
    },
    folder: join(folder, 'training'),
    nowMs: () => 1_800_000_000_000,
    report: () => {},
  }
  await runJob(aJob(), context).catch((error) => {
    if (error.code !== 'VERSION_GOLDEN_MISMATCH') throw error
  })
  return { activated, asked }
}

/** The processor as another device, whose every score is off by so much. */
const otherDevice = (off: number): Device => ({
  ...cpu,
  name: 'tensorflow',
  async open(program, options) {
    const session = await cpu.open(program, options)
    return {
      ...session,
      async run(feeds) {
        const outputs = await session.run(feeds)
        return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, values.map((x) => x + off)]))
      },
    }
  },
})

test('a version opens on the device that is to serve it, before it is promoted', async () => {
  assert.deepEqual(await activatedOn(otherDevice(0)), { activated: ['small'], asked: ['small'] })
})

test('one that does not give its scores there is not promoted', async () => {
  assert.deepEqual(await activatedOn(otherDevice(0.01)), { activated: [], asked: ['small'] })
})
