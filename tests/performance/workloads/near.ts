import assert from 'node:assert/strict'

export function near(found: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(found.length, expected.length)
  for (let i = 0; i < expected.length; i++)
    assert.ok(Math.abs(found[i]! - expected[i]!) <= tolerance, `entry ${i}: ${found[i]}, not ${expected[i]}`)
}
