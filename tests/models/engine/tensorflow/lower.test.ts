import { toSavedModel } from '../../../../models/engine/tensorflow/lower.ts'
import { testLowering } from '../kernel-contract.ts'

testLowering('TensorFlow', toSavedModel)
