import assert from 'node:assert/strict'
import { test } from 'node:test'
import { free } from '../../../../models/engine/onnx/free.ts'

test('freed arrays are empty, and a process that frees far more than it has room for does not grow', () => {
  const bytes = 32 * 2 ** 20
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 200; i++) {
    const values = new Float32Array(bytes / 4).fill(i)
    free(values)
    assert.equal(values.length, 0)
    assert.ok(process.memoryUsage().arrayBuffers - before < 2 * bytes, `after ${i + 1} arrays`)
  }
})
