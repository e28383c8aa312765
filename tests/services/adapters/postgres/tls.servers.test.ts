import assert from 'node:assert/strict'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createPool } from '../../../../services/adapters/postgres/pool.ts'
import { makeCertificate } from '../../../servers/kafka-files.ts'
import { type PostgresServer, startPostgres } from '../../../servers/postgres.ts'
import { makeServersFolder } from '../../../servers/server.ts'

const folder = makeServersFolder()
let [tls, plain]: (PostgresServer | undefined)[] = []
before(async () => {
  tls = await startPostgres(join(folder, 'tls'), { isTls: true })
  plain = await startPostgres(join(folder, 'plain'))
})
after(async () => {
  await tls?.kill()
  await plain?.kill()
  rmSync(folder, { recursive: true })
})

/** Whether a connection to this URL is encrypted. */
async function isEncrypted(connectionString: string): Promise<boolean> {
  const pool = createPool({ connectionString, max: 1 }, assert.fail)
  try {
    const { rows } = await pool.query<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()')
    return rows[0]!.ssl
  } finally {
    await pool.close()
  }
}

const trusted = (mode: string) => `${tls!.url}?sslmode=${mode}&sslrootcert=${tls!.certificate}`
const refused = { name: 'Fault', code: 'STORAGE_TLS_REFUSED', retry: false }

for (const mode of ['require', 'verify-full']) {
  test(`sslmode=${mode} with the authority of the certificate encrypts`, async () => {
    assert.equal(await isEncrypted(trusted(mode)), true)
  })

  test(`sslmode=${mode} refuses a certificate that nobody vouches for, and says how to name its authority`, async () => {
    await assert.rejects(isEncrypted(`${tls!.url}?sslmode=${mode}`), {
      ...refused,
      message: /self.signed certificate.*sslrootcert=FILE/,
    })
  })

  test(`sslmode=${mode} refuses a server without TLS rather than go on in the open`, async () => {
    await assert.rejects(isEncrypted(`${plain!.url}?sslmode=${mode}`), { ...refused, message: /does not support SSL/ })
  })
}

test('a certificate of another authority is refused', async () => {
  const other = join(folder, 'other')
  mkdirSync(other)
  const { certificate } = await makeCertificate(other)

  const asking = isEncrypted(`${tls!.url}?sslmode=verify-full&sslrootcert=${certificate}`)

  await assert.rejects(asking, refused)
})

test('a certificate of another name is refused', async () => {
  // The same server under a name that its certificate does not have.
  const url = trusted('verify-full').replace('127.0.0.1', '[::ffff:127.0.0.1]')

  await assert.rejects(isEncrypted(url), { ...refused, message: /does not match/ })
})

test('sslmode=no-verify takes any certificate, and encrypts', async () => {
  assert.equal(await isEncrypted(`${tls!.url}?sslmode=no-verify`), true)
})

test('without sslmode nothing is encrypted', async () => {
  assert.equal(await isEncrypted(tls!.url), false)
})
