import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { readSettings } from '../../../services/standalone/settings.ts'

const defaults = {
  host: '127.0.0.1',
  port: 8080,
  dataFolder: resolve('.polyrank'),
  logLevel: 'warn',
  databaseUrl: null,
  kafka: null,
}

test('without settings the service listens on this machine alone and keeps its data where it was started', () => {
  assert.deepEqual(readSettings({}), defaults)
})

test('each setting is read from its variable', () => {
  assert.deepEqual(readSettings({ PORT: '9000' }), { ...defaults, port: 9000 })
  assert.deepEqual(readSettings({ HOST: '::1' }), { ...defaults, host: '::1' })
  assert.deepEqual(readSettings({ POLYRANK_DATA: 'here/data' }), { ...defaults, dataFolder: resolve('here/data') })
  const url = 'postgresql://polyrank@db:5432/events?sslmode=verify-full'
  assert.deepEqual(readSettings({ DATABASE_URL: url }), { ...defaults, databaseUrl: url })
  assert.deepEqual(readSettings({ LOG_LEVEL: 'debug' }), { ...defaults, logLevel: 'debug' })
})

test('a variable that is empty counts as not set', () => {
  assert.deepEqual(readSettings({ PORT: '', HOST: '', POLYRANK_DATA: '', LOG_LEVEL: '' }), defaults)
})

test('ports from 0 to 65535 are taken, and nothing else', () => {
  for (const port of ['0', '1', '65535']) assert.equal(readSettings({ PORT: port }).port, Number(port))
  for (const port of ['65536', '-1', '80.5', '1e3', '0x50', 'eighty', ' ', '8080 ', '999999']) {
    assert.throws(() => readSettings({ PORT: port }), {
      code: 'SETTING_INVALID',
      path: 'PORT',
      message: `PORT is ${JSON.stringify(port)}; it must be a port number from 0 to 65535.`,
    })
  }
})

test('a database that is not PostgreSQL is refused, and a password is not repeated', () => {
  for (const url of ['mysql://root:secret@db/events', 'db:5432', 'postgres:secret', '//secret@db']) {
    assert.throws(
      () => readSettings({ DATABASE_URL: url }),
      (fault: Error & { path?: string }) => fault.path === 'DATABASE_URL' && !fault.message.includes('secret'),
      url,
    )
  }
})

test('a level of logging that is none is refused with those there are', () => {
  for (const level of ['fatal', 'error', 'warn', 'info', 'debug', 'silent'])
    assert.equal(readSettings({ LOG_LEVEL: level }).logLevel, level)
  assert.throws(() => readSettings({ LOG_LEVEL: 'loud' }), {
    code: 'SETTING_INVALID',
    path: 'LOG_LEVEL',
    message: 'LOG_LEVEL is "loud"; it must be one of fatal, error, warn, info, debug, silent.',
  })
})
