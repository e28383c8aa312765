import { testKernels } from '../kernel-contract.ts'
import { holdShaders, onAdapter } from './on-adapter.ts'

onAdapter((device) => {
  holdShaders(device)
  testKernels(device, 1e-4, { finiteOnly: true })
})
