import { testMoments } from './moments.ts'

testMoments(20)
