import { cpu } from '../../../models/engine/cpu.ts'
import { testPadding } from './padding-contract.ts'

testPadding(cpu)
