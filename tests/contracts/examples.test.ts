import { createExampleSource } from '../../services/adapters/postgres/examples.ts'
import { createIngestStore } from '../../services/adapters/postgres/ingest-store.ts'
import { createJoinStore } from '../../services/adapters/postgres/join-store.ts'
import { createKnowledgeStore } from '../../services/adapters/postgres/knowledge.ts'
import { createPositionStore } from '../../services/adapters/postgres/positions.ts'
import { backfillContract } from './backfill.ts'
import { onEachDatabase } from './databases.ts'
import { exampleSourceContract } from './example-source.ts'
import { joinQueueContract } from './join-queue.ts'
import { joinStoreContract } from './join-store.ts'
import { knowledgeStoreContract } from './knowledge-store.ts'
import { servedFeaturesContract } from './served-features.ts'

onEachDatabase('examples', (connect) => {
  const open = async () => {
    const pool = await connect()
    return {
      ingest: createIngestStore(pool),
      store: createJoinStore(pool),
      examples: createExampleSource(pool),
      knowledge: createKnowledgeStore(pool),
      positions: createPositionStore(pool),
    }
  }
  joinQueueContract(open)
  joinStoreContract(open)
  exampleSourceContract(open)
  knowledgeStoreContract(open)
  servedFeaturesContract(open)
  backfillContract(open)
})
