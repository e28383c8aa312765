import { Fault } from '../../../models/spec/fault.ts'
import type { KafkaSettings } from './settings.ts'

/**
 * Every error of the client as a Fault; Faults pass as they are. All but a refused login are worth another try: what is
 * missing may come.
 */
export function kafkaFault(error: unknown, { brokers }: Pick<KafkaSettings, 'brokers'>): Fault {
  if (error instanceof Fault) return error
  const root = rootOf(error)
  const { name, message } = root
  if (name === 'KafkaJSSASLAuthenticationError' || /authentication failed/i.test(message)) {
    return new Fault(
      'KAFKA_LOGIN_REFUSED',
      `Kafka at ${brokers.join(', ')} refused the login (${message}). See KAFKA_SASL_MECHANISM, KAFKA_USERNAME and KAFKA_PASSWORD.`,
      { cause: error },
    )
  }
  if ((root as { type?: unknown }).type === 'UNKNOWN_TOPIC_OR_PARTITION') {
    return new Fault(
      'KAFKA_TOPIC_MISSING',
      `Kafka at ${brokers.join(', ')} has lost a topic or partition that is read (${message}). Make it again; \`polyrank doctor\` names those that are missing.`,
      { status: 503, retry: true, cause: error },
    )
  }
  return new Fault(
    'KAFKA_UNAVAILABLE',
    `Kafka at ${brokers.join(', ')} does not answer as it should (${message}). See that it runs and that KAFKA_BROKERS, KAFKA_TLS and KAFKA_SASL_MECHANISM suit it.`,
    { status: 503, retry: true, cause: error },
  )
}

/** The client wraps errors in others that say less. */
export function rootOf(error: unknown): Error {
  const found = error instanceof Error ? error : new Error(String(error))
  return found.cause instanceof Error ? rootOf(found.cause) : found
}
