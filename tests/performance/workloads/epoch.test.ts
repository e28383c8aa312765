import { test } from 'node:test'
import { kuairandCounters } from '../../../models/presets/kuairand.ts'
import { readExamples, tellRows } from './epoch.ts'
import { near } from './near.ts'

test('the rows and features of the bundled sample are those that PyTorch reads', () => {
  const told = tellRows(readExamples(kuairandCounters), kuairandCounters)

  // As `peers/epoch.py` prints them: the rows, the mean of the numbers' means, and the loss of base rates alone.
  near(told, [35_716, 1.77745, 2.25029], 1e-5)
})
