import type { Fault } from '../../models/spec/fault.ts'
import { readSettings } from '../standalone/settings.ts'
import type { Storage } from '../standalone/storage.ts'

/** The storage of the data folder, or of DATABASE_URL, while `work` needs it: beside the service where that has it. */
export async function withStorage<Result>(work: (storage: Storage) => Promise<Result>): Promise<Result> {
  const settings = readSettings(process.env)
  // Loaded when it is needed: help needs no storage.
  const { joinStorage, openStorage } = await import('../standalone/storage.ts')
  const say = (fault: Fault) => console.error(`polyrank: ${fault.message} [${fault.code}]`)
  const storage = await openStorage(settings, say, (fault) => {
    say(fault)
    process.exit(1)
  }).catch((error: Fault) => {
    if (error.code !== 'DATA_FOLDER_IN_USE') throw error
    return joinStorage(settings, say)
  })
  try {
    return await work(storage)
  } finally {
    await storage.close()
  }
}
