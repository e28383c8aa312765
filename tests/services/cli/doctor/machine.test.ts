import assert from 'node:assert/strict'
import { test } from 'node:test'
import { examineMachine, vectorExtensions } from '../../../../services/cli/doctor/machine.ts'

test('vector and matrix instructions are read from what Linux tells of an x86 processor', () => {
  const text = [
    'processor\t: 0',
    'model name\t: Some Processor with avx512f in its name',
    'flags\t\t: fpu sse2 avx fma avx2 avx512f avx512_bf16 amx_bf16 amx_tile amx_int8 avx512_vnni',
    '',
    'processor\t: 1',
    'flags\t\t: fpu',
  ].join('\n')

  assert.deepEqual(vectorExtensions(text), [
    ...['AVX', 'AVX2', 'FMA', 'AVX-512', 'AVX-512 VNNI', 'AVX-512 bfloat16'],
    ...['AMX int8', 'AMX bfloat16'],
  ])
})

test('and of an arm64 one', () => {
  const text = 'processor\t: 0\nBogoMIPS\t: 48.00\nFeatures\t: fp asimd evtstrm sve i8mm bf16\n'

  assert.deepEqual(vectorExtensions(text), ['NEON', 'SVE', 'bfloat16', 'int8'])
})

test('a text that says nothing of them has none', () => {
  for (const text of ['', 'processor: 0', 'flags\t\t: ', 'model name: avx2'])
    assert.deepEqual(vectorExtensions(text), [])
})

test('this machine has a processor, cores and memory, not more of it free than there is', () => {
  const { node, processor, cores, memoryBytes, freeBytes } = examineMachine()

  assert.equal(node, process.versions.node)
  assert.ok(processor.length > 0 && cores >= 1)
  assert.ok(memoryBytes > 2 ** 20 && Number.isFinite(memoryBytes) && freeBytes > 0 && freeBytes <= memoryBytes)
})
