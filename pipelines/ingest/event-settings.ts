import { Fault } from '../../models/spec/fault.ts'

/** What becomes of feedback that comes after its clock has passed it: it amends its example, or is only counted. */
export const latePolicies = ['amend', 'ignore'] as const
export type LatePolicy = (typeof latePolicies)[number]

/** How long events are waited for and kept, complete. */
export interface EventSettings {
  /** Live events are joined this long after they occurred, so that those on their way are not late, ms. */
  readonly latenessMs: number
  readonly late: LatePolicy
  /** Feedback and impressions wait so long for a slate that has not come. */
  readonly orphanDays: number
  /** What events say. */
  readonly eventDays: number
  /** Ids of events, by which a repeated one is known. */
  readonly ledgerDays: number
  /** Slates, examples and histories. */
  readonly exampleDays: number
}

/**
 * What a user writes in `polyrank.config.ts`; everything has a default:
 *
 *     export const events = { late: 'ignore' } satisfies EventConfig
 */
export type EventConfig = Partial<EventSettings>

export const defaultEvents: EventSettings = {
  latenessMs: 250,
  late: 'amend',
  orphanDays: 7,
  eventDays: 90,
  ledgerDays: 180,
  exampleDays: 365,
}

const names = Object.keys(defaultEvents)

/** Completes and checks what a configuration exports as `events`. Fault `CONFIG_INVALID`, its path such as `events.late`. */
export function readEventSettings(value: unknown = {}): EventSettings {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    invalid('events', `must be an object with ${names.join(', ')}.`)
  const stranger = Object.keys(value).find((key) => !names.includes(key))
  if (stranger !== undefined) invalid(`events.${stranger}`, `is not known; events has ${names.join(', ')}.`)
  const given: Partial<Record<keyof EventSettings, unknown>> = value
  const days = (name: keyof EventSettings & `${string}Days`) => wholeNumber(given, name, 1)
  const settings = {
    latenessMs: wholeNumber(given, 'latenessMs', 0),
    late: latePolicyOf(given.late),
    orphanDays: days('orphanDays'),
    eventDays: days('eventDays'),
    ledgerDays: days('ledgerDays'),
    exampleDays: days('exampleDays'),
  }
  checkTogether(settings)
  return settings
}

/** What waits is read when its slate comes, and no id may be forgotten before what it names. */
function checkTogether({ orphanDays, eventDays, ledgerDays }: EventSettings): void {
  if (orphanDays > eventDays)
    invalid('events.orphanDays', `is ${orphanDays}, more than events.eventDays, ${eventDays}; change one of them.`)
  if (eventDays > ledgerDays)
    invalid('events.eventDays', `is ${eventDays}, more than events.ledgerDays, ${ledgerDays}; change one of them.`)
}

function invalid(path: string, message: string): never {
  throw new Fault('CONFIG_INVALID', `${path} ${message}`, { path, status: 400 })
}

function latePolicyOf(value: unknown): LatePolicy {
  if (value === undefined) return defaultEvents.late
  const policy = latePolicies.find((each) => each === value)
  return policy ?? invalid('events.late', `is ${shown(value)}; it must be one of ${latePolicies.join(', ')}.`)
}

function wholeNumber(
  given: Partial<Record<keyof EventSettings, unknown>>,
  name: Exclude<keyof EventSettings, 'late'>,
  least: number,
): number {
  const value = given[name]
  if (value === undefined) return defaultEvents[name]
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value
  return invalid(`events.${name}`, `is ${shown(value)}; it must be a whole number of at least ${least}.`)
}

const shown = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || value === null ? JSON.stringify(value) : `a ${typeof value}`
