import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diskFault, onDisk } from '../../../services/adapters/disk-faults.ts'

const errorOf = (code: string) => Object.assign(new Error(`${code}: no`), { code })

const cases: readonly (readonly [code: string, fault: string | undefined])[] = [
  ['EACCES', 'DATA_FOLDER_UNWRITABLE'],
  ['EPERM', 'DATA_FOLDER_UNWRITABLE'],
  ['EROFS', 'DATA_FOLDER_UNWRITABLE'],
  ['ENOTDIR', 'DATA_FOLDER_UNWRITABLE'],
  ['EEXIST', 'DATA_FOLDER_UNWRITABLE'],
  ['ENOSPC', 'DISK_FULL'],
  ['EDQUOT', 'DISK_FULL'],
  ['53100', 'DISK_FULL'],
  ['ENOENT', undefined],
  ['EMFILE', undefined],
]
for (const [code, fault] of cases) {
  test(`the disk's ${code} is ${fault ?? 'no fault of the disk'}`, () => {
    const error = errorOf(code)

    const found = diskFault(error, '/data')

    assert.equal(found?.code, fault)
    if (found === null) return
    assert.deepEqual([found.path, found.cause], ['/data', error])
    assert.match(found.message, /\/data/)
  })
}

test('a full disk is worth another try, and one that cannot be written is not', () => {
  const [full, unwritable] = [diskFault(errorOf('ENOSPC'), '/data'), diskFault(errorOf('EACCES'), '/data')]

  assert.deepEqual([full?.status, full?.retry], [507, true])
  assert.equal(unwritable?.retry, false)
})

test('what is no error at all is no fault', () => {
  const found = [undefined, null, 'ENOSPC', {}, { code: 28 }].map((value) => diskFault(value, '/data'))

  assert.deepEqual(found, [null, null, null, null, null])
})

test('work on a disk gives its result, its fault, or its own error', async () => {
  const other = new Error('of the work itself')

  assert.equal(await onDisk('/data', async () => 5), 5)
  await assert.rejects(
    onDisk('/data', () => Promise.reject(errorOf('ENOSPC'))),
    { code: 'DISK_FULL' },
  )
  await assert.rejects(
    onDisk('/data', () => Promise.reject(other)),
    other,
  )
})
