import { createDeadLetters, createEventLedger } from '../../services/adapters/postgres/event-ledger.ts'
import { createIngestStore } from '../../services/adapters/postgres/ingest-store.ts'
import { createJoinStore } from '../../services/adapters/postgres/join-store.ts'
import { createPositionStore } from '../../services/adapters/postgres/positions.ts'
import { createVersionRegistry } from '../../services/adapters/postgres/versions.ts'
import { onEachDatabase } from './databases.ts'
import { deadLetterContract } from './dead-letters.ts'
import { eventLedgerContract } from './event-ledger.ts'
import { ingestStoreContract } from './ingest-store.ts'
import { positionContract } from './positions.ts'

onEachDatabase('events', (connect) => {
  const open = async () => {
    const pool = await connect()
    const joinStore = createJoinStore(pool)
    return {
      store: createIngestStore(pool),
      ledger: createEventLedger(pool),
      deadLetters: createDeadLetters(pool),
      sources: joinStore.sources,
      joinStore,
      positions: createPositionStore(pool),
      registry: createVersionRegistry(pool),
    }
  }
  ingestStoreContract(open)
  eventLedgerContract(open)
  deadLetterContract(open)
  positionContract(open)
})
