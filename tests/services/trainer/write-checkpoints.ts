/**
 * Writes checkpoints to a folder, one after the other, for ever; tells its parent which was the last when it has begun
 * the next and so many turns of its loop have passed. It is there to be killed.
 */
import { setImmediate as turn } from 'node:timers/promises'
import { createCheckpointFolder } from '../../../services/trainer/checkpoint-folder.ts'
import { checkpointOf } from './small-checkpoint.ts'

const [folder, first, turns] = process.argv.slice(2)
process.once('disconnect', () => process.exit(1))
const store = createCheckpointFolder(folder!)
for (let step = Number(first); ; step++) {
  const writing = store.write(checkpointOf(step))
  for (let i = 0; i < Number(turns); i++) await turn()
  process.send!(step - 1)
  await writing
}
