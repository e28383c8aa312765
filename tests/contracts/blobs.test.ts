import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe } from 'node:test'
import { createFileBlobStore } from '../../services/adapters/blobs/files.ts'
import { blobStoreContract } from './blob-store.ts'

describe('blobs in files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'polyrank-store-'))
  after(() => rmSync(folder, { recursive: true }))
  blobStoreContract(async () => createFileBlobStore(folder))
})
