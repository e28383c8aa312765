import { testMoments } from './moments.ts'

testMoments(500)
