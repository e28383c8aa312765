import { testLongRun } from './long-run-process.ts'

testLongRun('cpu')
