import { cpu } from '../../../models/engine/cpu.ts'
import { testDevice } from './device-contract.ts'

testDevice(cpu)
