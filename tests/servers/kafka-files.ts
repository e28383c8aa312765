import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from './commands.ts'

const cache = join(import.meta.dirname, '..', '..', 'node_modules', '.cache', 'polyrank-kafka')
const project = join(import.meta.dirname, 'pom.xml')

/** Whom the SASL listener lets in, by PLAIN and by SCRAM. */
export const saslUser = { username: 'polyrank', password: 'a-password-for-tests' } as const

/** Why what needs SASL and TLS is left out: a Kafka of your own may lack these listeners. */
export const withoutListeners =
  process.env.TEST_KAFKA_SASL_BROKERS === undefined ? 'TEST_KAFKA_SASL_BROKERS is not set' : false

/** The broker's jars, fetched once for each content of `pom.xml`. */
export async function fetchJars(): Promise<string> {
  const jars = join(cache, createHash('sha256').update(readFileSync(project)).digest('hex').slice(0, 16))
  if (existsSync(jars)) return jars
  mkdirSync(cache, { recursive: true })
  // Half of a fetch must not pass for all of it: it gets its name when it is whole.
  const partial = mkdtempSync(join(cache, 'partial-'))
  const args = ['-q', '-B', '-f', project, 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`]
  try {
    await runCommand('mvn', args, { from: 'Maven (Debian: maven)' })
    chmodSync(partial, 0o755)
    renameSync(partial, jars)
  } catch (error) {
    rmSync(partial, { recursive: true, force: true })
    // Another start had it first.
    if (!existsSync(jars)) throw error
  }
  return jars
}

/** A certificate of its own for 127.0.0.1, which clients take as the authority too; the broker wants the key beside it. */
export async function makeCertificate(folder: string): Promise<{ certificate: string; keyStore: string }> {
  const [key, certificate, keyStore] = ['key.pem', 'certificate.pem', 'key-store.pem'].map((name) => join(folder, name))
  const names = 'subjectAltName=IP:127.0.0.1,DNS:localhost'
  const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost', '-addext', names]
  await runCommand('openssl', ['req', ...kind, '-keyout', key!, '-out', certificate!], { from: 'openssl' })
  writeFileSync(keyStore!, readFileSync(key!, 'utf8') + readFileSync(certificate!, 'utf8'), { mode: 0o600 })
  return { certificate: certificate!, keyStore: keyStore! }
}

export interface BrokerPorts {
  readonly plain: number
  readonly sasl: number
  readonly tls: number
  readonly controller: number
}

/** The broker's settings: one node that is both broker and controller, small, with nothing that waits for a second one. */
export function brokerSettings(folder: string, ports: BrokerPorts, keyStore: string): string {
  const listeners = `PLAIN://127.0.0.1:${ports.plain},SASL://127.0.0.1:${ports.sasl},TLS://127.0.0.1:${ports.tls}`
  const modules = 'org.apache.kafka.common.security'
  const { username, password } = saslUser
  const settings: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${ports.controller}`,
    'controller.listener.names': 'CONTROLLER',
    listeners: `${listeners},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': listeners,
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL',
    'inter.broker.listener.name': 'PLAIN',
    'listener.name.tls.ssl.keystore.type': 'PEM',
    'listener.name.tls.ssl.keystore.location': keyStore,
    'listener.name.sasl.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.sasl.plain.sasl.jaas.config': `${modules}.plain.PlainLoginModule required user_${username}="${password}";`,
    'listener.name.sasl.scram-sha-256.sasl.jaas.config': `${modules}.scram.ScramLoginModule required;`,
    'listener.name.sasl.scram-sha-512.sasl.jaas.config': `${modules}.scram.ScramLoginModule required;`,
    // Refusals are told at once rather than after a while.
    'connection.failed.authentication.delay.ms': 1,
    'log.dirs': join(folder, 'data'),
    'num.partitions': 3,
    'auto.create.topics.enable': false,
    'message.max.bytes': 8 * 1024 * 1024,
    'group.initial.rebalance.delay.ms': 0,
    // What is to be compacted is so at once.
    'log.cleaner.backoff.ms': 100,
    // Members that were killed are to be missed soon.
    'group.min.session.timeout.ms': 500,
    'offsets.topic.num.partitions': 3,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 3,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    // A broker that was killed and comes back takes up its place when the one before is given up.
    'broker.heartbeat.interval.ms': 300,
    'broker.session.timeout.ms': 2000,
  }
  return Object.entries(settings)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
