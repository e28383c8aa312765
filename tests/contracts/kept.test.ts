import { createErasureStore } from '../../services/adapters/postgres/erasure.ts'
import { createEventLedger } from '../../services/adapters/postgres/event-ledger.ts'
import { createJobQueue } from '../../services/adapters/postgres/jobs.ts'
import { createLineageStore } from '../../services/adapters/postgres/lineage.ts'
import { createRetentionStore } from '../../services/adapters/postgres/retention.ts'
import { createVersionRegistry } from '../../services/adapters/postgres/versions.ts'
import { onEachDatabase } from './databases.ts'
import { erasedVersionsContract } from './erased-versions.ts'
import { erasureContract } from './erasure.ts'
import { emptied } from './kept.ts'
import { lineageContract } from './lineage.ts'
import { lineagePlansContract } from './lineage-plans.ts'
import { retentionContract } from './retention.ts'

onEachDatabase('what is kept', (connect) => {
  retentionContract(async () => {
    const pool = await connect()
    return {
      store: createRetentionStore(pool),
      registry: createVersionRegistry(pool),
      ledger: createEventLedger(pool),
      world: await emptied(pool),
    }
  })
  const erasure = async () => {
    const pool = await connect()
    return {
      store: createErasureStore(pool),
      registry: createVersionRegistry(pool),
      jobs: createJobQueue(pool, Date.now),
      world: await emptied(pool),
    }
  }
  erasureContract(erasure)
  erasedVersionsContract(erasure)
  lineageContract(async () => {
    const pool = await connect()
    return {
      lineage: createLineageStore(pool),
      ledger: createEventLedger(pool),
      registry: createVersionRegistry(pool),
      world: await emptied(pool),
    }
  })
  lineagePlansContract(async () => emptied(await connect()))
})
