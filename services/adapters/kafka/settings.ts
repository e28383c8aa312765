import { Fault } from '../../../models/spec/fault.ts'

export const topicKinds = ['slates', 'impressions', 'feedback', 'catalog'] as const
export type TopicKind = (typeof topicKinds)[number]

const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const

/** How Kafka is reached, and which of its topics are read. */
export interface KafkaSettings {
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly group: string
  /** `true`: by the authorities that the system trusts; otherwise the file of the authority to trust. */
  readonly tls: boolean | string
  readonly sasl: {
    readonly mechanism: (typeof mechanisms)[number]
    readonly username: string
    readonly password: string
  } | null
  readonly topics: Readonly<Record<TopicKind, string>>
  /** Whether missing topics are made, each with so many partitions. */
  readonly createTopics: boolean
  readonly partitions: number
  /** A member that is silent for so long is taken to be gone, and its partitions go to others, ms. */
  readonly sessionMs: number
}

/**
 * Reads the environment; the README's table of settings lists every name. Null without KAFKA_BROKERS: there is no Kafka.
 * An empty one counts as not set. Fault `SETTING_INVALID`.
 */
export function readKafkaSettings(environment: Readonly<Record<string, string | undefined>>): KafkaSettings | null {
  const brokers = listOf(environment.KAFKA_BROKERS || '')
  if (brokers.length === 0) return null
  const invalid = (name: string, wanted: string): never => {
    const isSecret = name === 'KAFKA_PASSWORD'
    const found = environment[name] ? `is ${isSecret ? 'wrong' : JSON.stringify(environment[name])}` : 'is not set'
    throw new Fault('SETTING_INVALID', `${name} ${found}; it must be ${wanted}.`, { path: name })
  }
  const flag = (name: string): boolean => {
    const text = environment[name] || 'false'
    return text === 'true' || (text !== 'false' && invalid(name, 'true or false'))
  }
  const topic = (kind: TopicKind): string => {
    const name = `KAFKA_TOPIC_${kind.toUpperCase()}`
    const text = environment[name] || `polyrank.${kind}`
    return isTopic(text) ? text : invalid(name, 'the name of a topic: up to 249 letters, digits, ".", "_" and "-"')
  }
  if (!brokers.every((broker) => /^.+:\d{1,5}$/.test(broker))) {
    invalid('KAFKA_BROKERS', 'host:port, or several of these with commas between')
  }
  const partitions = environment.KAFKA_PARTITIONS || '3'
  if (!/^[1-9]\d{0,4}$/.test(partitions)) invalid('KAFKA_PARTITIONS', 'a whole number from 1 to 99999')
  const session = environment.KAFKA_SESSION_MS || '10000'
  if (!/^[1-9]\d{2,6}$/.test(session)) invalid('KAFKA_SESSION_MS', 'a time in ms from 100 to 9999999')
  return {
    brokers,
    clientId: environment.KAFKA_CLIENT_ID || 'polyrank',
    group: environment.KAFKA_GROUP || 'polyrank',
    tls: tlsOf(environment.KAFKA_TLS || 'false'),
    sasl: saslOf(environment, invalid),
    topics: {
      slates: topic('slates'),
      impressions: topic('impressions'),
      feedback: topic('feedback'),
      catalog: topic('catalog'),
    },
    createTopics: flag('KAFKA_CREATE_TOPICS'),
    partitions: Number(partitions),
    sessionMs: Number(session),
  }
}

/** Each topic once: kinds may share one, since every event says its type. */
export const topicNames = ({ topics }: Pick<KafkaSettings, 'topics'>): readonly string[] => [
  ...new Set(topicKinds.map((kind) => topics[kind])),
]

const listOf = (text: string): readonly string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')

const isTopic = (text: string): boolean => /^[A-Za-z0-9._-]{1,249}$/.test(text) && text !== '.' && text !== '..'

const tlsOf = (text: string): boolean | string => (text === 'true' ? true : text === 'false' ? false : text)

function saslOf(
  environment: Readonly<Record<string, string | undefined>>,
  invalid: (name: string, wanted: string) => never,
): KafkaSettings['sasl'] {
  const { KAFKA_SASL_MECHANISM: given = '', KAFKA_USERNAME: username = '', KAFKA_PASSWORD: password = '' } = environment
  if (given === '') {
    if (username === '' && password === '') return null
    return invalid('KAFKA_SASL_MECHANISM', `one of ${mechanisms.join(', ')}, where there is a user name or a password`)
  }
  const mechanism = mechanisms.find((each) => each === given.toLowerCase())
  if (mechanism === undefined) return invalid('KAFKA_SASL_MECHANISM', `one of ${mechanisms.join(', ')}`)
  if (username === '') invalid('KAFKA_USERNAME', 'the name to log in with by KAFKA_SASL_MECHANISM')
  if (password === '') invalid('KAFKA_PASSWORD', 'the password of KAFKA_USERNAME')
  return { mechanism, username, password }
}
