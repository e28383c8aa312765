import { createReadStream } from 'node:fs'
import { Fault } from '../../models/spec/fault.ts'
import type { FileRecord } from '../../pipelines/import/import.ts'
import { lineRecords } from '../../pipelines/import/rows.ts'

const mostLines = 2_000
const mostBytes = 8 * 2 ** 20

/** Lines that are not blank, in batches that one request takes, of a file or (`-`) of the standard input. */
export async function* lineBatches(file: string): AsyncGenerator<readonly FileRecord[]> {
  let batch: FileRecord[] = []
  let size = 0
  for await (const line of lineRecords(file === '-' ? process.stdin : bytesOf(file))) {
    batch.push(line)
    size += line.bytes.length
    if (batch.length < mostLines && size < mostBytes) continue
    yield batch
    batch = []
    size = 0
  }
  if (batch.length > 0) yield batch
}

/** Fault `FILE_UNREADABLE`. */
export async function* bytesOf(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(file, { highWaterMark: 2 ** 20 })
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

export const unreadable = (file: string, cause: unknown): Fault =>
  new Fault('FILE_UNREADABLE', `${file} cannot be read: ${(cause as Error).message}`, { path: file, cause })
