import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { Fault } from '../../../../models/spec/fault.ts'
import { storageFault } from '../../../../services/adapters/postgres/faults.ts'

/** As `pg` throws what a server answered. */
function databaseError(code: string): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError(`message of ${code}`, 0, 'error'), { code })
}

type Expected = readonly [code: string, retry: boolean, status: number]
const unavailable: Expected = ['STORAGE_UNAVAILABLE', true, 503]
const conflict: Expected = ['STORAGE_CONFLICT', true, 503]
const failed: Expected = ['STORAGE_FAILED', false, 500]
const denied: Expected = ['STORAGE_DENIED', false, 500]

const ofServer: readonly (readonly [sqlState: string, what: string, expected: Expected])[] = [
  ['53100', 'a full disk', ['DISK_FULL', true, 507]],
  ['08006', 'a connection that failed', unavailable],
  ['53200', 'no memory', unavailable],
  ['53300', 'too many connections', unavailable],
  ['57P01', 'an operator who ends the connection', unavailable],
  ['57P03', 'a server that starts', unavailable],
  ['57014', 'a statement that took too long', unavailable],
  ['25P03', 'a transaction that was idle too long', unavailable],
  ['40001', 'a transaction that lost against another', conflict],
  ['40P01', 'a deadlock', conflict],
  ['23505', 'a key that is taken', failed],
  ['42P01', 'a table that is not there', failed],
  ['22021', 'a text that no column can hold', failed],
  ['25006', 'a server that takes no changes', unavailable],
  ['55P03', 'a lock that was waited for too long', conflict],
  ['28P01', 'a wrong password', denied],
  ['28000', 'a host that may not come in', denied],
  ['3D000', 'a database that does not exist', denied],
]
for (const [sqlState, what, [code, retry, status]] of ofServer) {
  test(`${what} (${sqlState}) is ${code}`, () => {
    const error = databaseError(sqlState)

    const fault = storageFault(error)

    assert.deepEqual([fault.code, fault.retry, fault.status], [code, retry, status])
    assert.equal(fault.cause, error)
    assert.match(fault.message, new RegExp(`message of ${sqlState}`))
    if (code !== 'DISK_FULL') assert.deepEqual(fault.details, { sqlState })
  })
}

const ofClient: readonly (readonly [what: string, error: Error])[] = [
  ['a port where nothing listens', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })],
  ['a socket that is gone', Object.assign(new Error('connect ENOENT'), { code: 'ENOENT' })],
  ['a connection that was cut', Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })],
  ['a name that no server has', Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' })],
  ['an error without a message', Object.assign(new Error(''), { code: 'ECONNREFUSED' })],
  ['a connection that ended', new Error('Connection terminated unexpectedly')],
  ['a connection that took too long', new Error('Connection terminated due to connection timeout')],
  ['an answer that took too long', new Error('Query read timeout')],
  ['a client that has an error behind it', new Error('Client has encountered a connection error and is not queryable')],
  ['a pool that is closed', new Error('Cannot use a pool after calling end on the pool')],
]
for (const [what, error] of ofClient) {
  test(`${what} means that storage is unavailable`, () => {
    const fault = storageFault(error)

    assert.deepEqual([fault.code, fault.retry, fault.cause], ['STORAGE_UNAVAILABLE', true, error])
    assert.doesNotMatch(fault.message, /\(\)/)
  })
}

const ofTls: readonly (readonly [what: string, error: Error])[] = [
  ['a certificate that vouches for itself', Object.assign(new Error('m'), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' })],
  ['one of another authority', Object.assign(new Error('m'), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' })],
  ['one that is past its time', Object.assign(new Error('m'), { code: 'CERT_HAS_EXPIRED' })],
  ['one of another name', Object.assign(new Error('m'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })],
  ['a server that has none', new Error('The server does not support SSL connections')],
]
for (const [what, error] of ofTls) {
  test(`of certificates, ${what} is refused for good`, () => {
    const fault = storageFault(error)

    assert.deepEqual([fault.code, fault.retry, fault.cause], ['STORAGE_TLS_REFUSED', false, error])
    assert.match(fault.message, /sslrootcert=FILE/)
  })
}

test('a pool whose connections are all busy says so, and is worth another try', () => {
  const fault = storageFault(new Error('timeout exceeded when trying to connect'))

  assert.deepEqual([fault.code, fault.retry], ['STORAGE_UNAVAILABLE', true])
  assert.match(fault.message, /all are busy/)
})

test('any other error is a mistake of ours', () => {
  const fault = storageFault(new TypeError('x is not a function'))

  assert.deepEqual([fault.code, fault.retry], ['STORAGE_FAILED', false])
})

test('a fault passes as it is', () => {
  const fault = new Fault('NUMBER_TOO_LARGE', 'too large')

  assert.equal(storageFault(fault), fault)
})
