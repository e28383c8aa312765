import { createReadStream, statSync } from 'node:fs'
import { pipeline } from 'node:stream'
import { createGunzip } from 'node:zlib'
import {
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { Fault } from '../../models/spec/fault.ts'
import type { FileRecord } from '../../pipelines/import/import.ts'
import type { Mapping, Row } from '../../pipelines/import/mapping.ts'
import { checkColumns, csvRecords, lineRecords, rowRecords } from '../../pipelines/import/rows.ts'
import { unreadable } from './event-lines.ts'

export const formats = ['ndjson', 'csv', 'parquet'] as const
export type Format = (typeof formats)[number]

export interface OpenedFile {
  readonly records: AsyncIterable<FileRecord>
  /** How far it is read, in bytes or rows. */
  progress(): { readonly done: number; readonly of: number }
}

/** By the ending of its name, `.gz` aside; null where that says nothing. */
export function formatOf(file: string): Format | null {
  const [, ending] = /\.(\w+)(\.gz)?$/.exec(file.toLowerCase()) ?? []
  return ending === 'jsonl' ? 'ndjson' : (formats.find((format) => format === ending) ?? null)
}

/** Faults `FILE_UNREADABLE`, and those of reading rows. `mapping` is for CSV and Parquet. */
export async function openFile(
  file: string,
  format: Format,
  source: string,
  mapping: Mapping | null,
): Promise<OpenedFile> {
  try {
    if (format === 'parquet') return await openParquet(file, source, mapping!)
    const of = statSync(file).size
    const { chunks, done } = chunksOf(file)
    return {
      records: format === 'csv' ? csvRecords(chunks, source, mapping!) : lineRecords(chunks),
      progress: () => ({ done: done(), of }),
    }
  } catch (error) {
    throw error instanceof Fault ? error : unreadable(file, error)
  }
}

function chunksOf(file: string): { readonly chunks: AsyncIterable<Uint8Array>; done(): number } {
  const bytes = createReadStream(file, { highWaterMark: 2 ** 20 })
  const isPacked = file.toLowerCase().endsWith('.gz')
  // What goes wrong is thrown where the chunks are read.
  const chunks = isPacked ? pipeline(bytes, createGunzip({ chunkSize: 2 ** 18 }), () => {}) : bytes
  return { chunks: readable(file, chunks), done: () => bytes.bytesRead }
}

async function* readable(file: string, chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

async function openParquet(file: string, source: string, mapping: Mapping): Promise<OpenedFile> {
  const buffer = await asyncBufferFromFile(file)
  const metadata = await parquetMetadataAsync(buffer)
  checkColumns(
    parquetSchema(metadata).children.map(({ element }) => element.name),
    mapping,
  )
  let done = 0
  async function* rows(): AsyncGenerator<Row> {
    for await (const group of rowGroups(metadata)) {
      const read = parquetReadObjects({ file: buffer, metadata, compressors, columns: columnsOf(mapping), ...group })
      for (const row of await read.catch((cause) => Promise.reject(unreadable(file, cause)))) {
        done++
        yield row
      }
    }
  }
  return {
    records: rowRecords(rows(), source, mapping),
    progress: () => ({ done, of: Number(metadata.num_rows) }),
  }
}

const columnsOf = ({ columns }: Mapping): string[] => [...new Set(columns.map(({ column }) => column))]

/** One after the other, since each is decoded as a whole. */
function* rowGroups({ row_groups }: FileMetaData): Generator<{ readonly rowStart: number; readonly rowEnd: number }> {
  let rowStart = 0
  for (const { num_rows } of row_groups) {
    const rowEnd = rowStart + Number(num_rows)
    yield { rowStart, rowEnd }
    rowStart = rowEnd
  }
}
