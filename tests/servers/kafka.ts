import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { runCommand } from './commands.ts'
import { brokerSettings, fetchJars, makeCertificate, saslUser } from './kafka-files.ts'
import { freePorts } from './ports.ts'
import { launch } from './process.ts'
import type { TestServer } from './server.ts'

export interface KafkaServer extends TestServer {
  readonly brokers: string
  /** For `saslUser`, by PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; not encrypted. */
  readonly saslBrokers: string
  readonly tlsBrokers: string
  /** A file: the authority of the broker's certificate. */
  readonly certificate: string
}

const from = 'Java 17 or later (Debian: openjdk-17-jre-headless)'

/** Whether the broker leads, as a client sees it. */
async function ask(brokers: string): Promise<void> {
  const kafka = new Kafka({ brokers: [brokers], logLevel: logLevel.NOTHING, retry: { retries: 0 } })
  const admin = kafka.admin()
  try {
    await admin.connect()
    const { brokers: known, controller } = await admin.describeCluster()
    if (known.length === 0 || controller === null) throw new Error('the broker has not joined yet')
  } finally {
    await admin.disconnect()
  }
}

/** A new Kafka of one node in `folder`, on 127.0.0.1; topics are made by those who want them. */
export async function startKafka(folder: string): Promise<KafkaServer> {
  mkdirSync(folder, { recursive: true })
  const jars = join(await fetchJars(), '*')
  const { certificate, keyStore } = await makeCertificate(folder)
  const [plain, sasl, tls, controller] = await freePorts(4)
  const ports = { plain: plain!, sasl: sasl!, tls: tls!, controller: controller! }
  const settings = join(folder, 'server.properties')
  writeFileSync(settings, brokerSettings(folder, ports, keyStore))

  // One compiler and one collector: quick to start and small beats quick for hours.
  const java = ['-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Dlog4j2.level=WARN', '-cp', jars]
  // An id that begins with a dash, one in 64, would be read as an option.
  const cluster = Buffer.concat([Buffer.of(0), randomBytes(15)]).toString('base64url')
  const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name=${saslUser.username},password=${saslUser.password}]`,
  ])
  await runCommand('java', [...java, 'kafka.tools.StorageTool', 'format', '-t', cluster, '-c', settings, ...users], {
    from,
    cwd: folder,
  })

  const brokers = `127.0.0.1:${ports.plain}`
  const begin = () =>
    launch('java', [...java, 'kafka.Kafka', settings], {
      ...{ from, cwd: folder },
      ...{ log: join(folder, 'kafka.log'), ask: () => ask(brokers) },
    })
  let server = await begin()
  return {
    ...{ brokers, saslBrokers: `127.0.0.1:${ports.sasl}`, tlsBrokers: `127.0.0.1:${ports.tls}`, certificate },
    async start() {
      server = await begin()
    },
    stop: () => server.end('SIGTERM'),
    kill: () => server.end('SIGKILL'),
  }
}
