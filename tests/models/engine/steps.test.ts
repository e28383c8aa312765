import { cpu } from '../../../models/engine/cpu.ts'
import { testSteps } from './oracle-steps.ts'

testSteps(cpu)
