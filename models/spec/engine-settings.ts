import { type DeviceName, deviceNames, type Precision } from '../engine/device.ts'
import { Fault } from './fault.ts'

/** `auto` times what is here and takes the fastest; it never tries `webgpu`, which is opt-in. */
export const deviceChoices = [...deviceNames, 'auto'] as const
export type DeviceChoice = DeviceName | 'auto'

export const trainingPrecisions = ['float32', 'bfloat16'] as const satisfies readonly Precision[]
/** `int8`: weights and inputs of the large multiplications in 8 bits. */
export const servingPrecisions = ['float32', 'int8'] as const
export type ServingPrecision = (typeof servingPrecisions)[number]

export interface TrainingEngine {
  readonly device: DeviceChoice
  /** What matrices are multiplied in. */
  readonly precision: Precision
  /** Threads of one step. Other numbers of threads sum in another order, and so give other bytes. */
  readonly threads: number
}

export interface ServingEngine {
  readonly device: DeviceChoice
  readonly precision: ServingPrecision
  /** What int8 may cost a version; one that it costs more is served in float32. */
  readonly quantization: QuantizationBounds
  /** Threads of one scoring run. */
  readonly threads: number
}

export interface QuantizationBounds {
  /** The most that any score may differ from the float32 one. */
  readonly mostScoreChange: number
  /** The most that a metric of any task may be worse than in float32. */
  readonly mostMetricLoss: number
}

/** What trains and what serves, complete. */
export interface EngineSettings {
  readonly training: TrainingEngine
  readonly serving: ServingEngine
}

/**
 * What a user writes in `polyrank.config.ts`; everything has a default:
 *
 *     export const engine = { training: { device: 'auto' } } satisfies EngineConfig
 */
export interface EngineConfig {
  readonly training?: Partial<TrainingEngine>
  readonly serving?: Partial<Omit<ServingEngine, 'quantization'>> & {
    readonly quantization?: Partial<QuantizationBounds>
  }
}

export const defaultEngine: EngineSettings = {
  training: { device: 'cpu', precision: 'float32', threads: 2 },
  serving: {
    device: 'cpu',
    precision: 'float32',
    quantization: { mostScoreChange: 0.02, mostMetricLoss: 0.001 },
    threads: 1,
  },
}

/**
 * Completes and checks what a configuration exports as `engine`. Fault `CONFIG_INVALID`, its path as one would write it:
 * `engine.training.device`.
 */
export function readEngineSettings(value: unknown = {}): EngineSettings {
  const { training, serving } = fieldsOf(value, 'engine', ['training', 'serving'])
  const settings = { training: readTraining(training), serving: readServing(serving) }
  checkTogether(settings)
  return settings
}

function readTraining(value: unknown): TrainingEngine {
  const at = 'engine.training'
  const { device, precision, threads } = fieldsOf(value, at, ['device', 'precision', 'threads'])
  const defaults = defaultEngine.training
  return {
    device: oneOf(deviceChoices, device, `${at}.device`, defaults.device),
    precision: oneOf(trainingPrecisions, precision, `${at}.precision`, defaults.precision),
    threads: wholeFrom1(threads, `${at}.threads`, defaults.threads),
  }
}

function readServing(value: unknown): ServingEngine {
  const at = 'engine.serving'
  const serving = fieldsOf(value, at, ['device', 'precision', 'quantization', 'threads'])
  const bounds = fieldsOf(serving.quantization, `${at}.quantization`, ['mostScoreChange', 'mostMetricLoss'])
  const defaults = defaultEngine.serving
  const bound = (name: keyof QuantizationBounds) =>
    zeroOrMore(bounds[name], `${at}.quantization.${name}`, defaults.quantization[name])
  return {
    device: oneOf(deviceChoices, serving.device, `${at}.device`, defaults.device),
    precision: oneOf(servingPrecisions, serving.precision, `${at}.precision`, defaults.precision),
    quantization: { mostScoreChange: bound('mostScoreChange'), mostMetricLoss: bound('mostMetricLoss') },
    threads: wholeFrom1(serving.threads, `${at}.threads`, defaults.threads),
  }
}

function checkTogether({ training, serving }: EngineSettings): void {
  if (training.precision === 'bfloat16' && training.device === 'cpu')
    invalid(
      'engine.training.precision',
      'is "bfloat16", which the device "cpu" does not multiply in; set engine.training.device to "tensorflow", or leave the precision out.',
    )
  if (serving.precision === 'int8' && serving.device !== 'cpu')
    invalid(
      'engine.serving.precision',
      `is "int8", which only the device "cpu" scores in, and engine.serving.device is "${serving.device}"; change one of them.`,
    )
}

function invalid(path: string, message: string): never {
  throw new Fault('CONFIG_INVALID', `${path} ${message}`, { path, status: 400 })
}

/** The value in a message. */
const shown = (value: unknown): string =>
  typeof value === 'string'
    ? JSON.stringify(value)
    : typeof value === 'function'
      ? 'a function'
      : Array.isArray(value)
        ? 'a list'
        : typeof value === 'object' && value !== null
          ? 'an object'
          : String(value)

/** What is left out, or undefined, has its default. */
function fieldsOf<Name extends string>(
  value: unknown,
  path: string,
  names: readonly Name[],
): Partial<Record<Name, unknown>> {
  if (value === undefined) return {}
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    invalid(path, `is ${shown(value)}; it must be an object with ${names.join(', ')}.`)
  const stranger = Object.keys(value).find((key) => !names.some((name) => name === key))
  if (stranger !== undefined) invalid(`${path}.${stranger}`, `is not known; ${path} has ${names.join(', ')}.`)
  return value
}

function oneOf<Choice extends string>(
  choices: readonly Choice[],
  value: unknown,
  path: string,
  otherwise: Choice,
): Choice {
  if (value === undefined) return otherwise
  return (
    choices.find((choice) => choice === value) ??
    invalid(path, `is ${shown(value)}; it must be one of ${choices.join(', ')}.`)
  )
}

function wholeFrom1(value: unknown, path: string, otherwise: number): number {
  if (value === undefined) return otherwise
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value
  return invalid(path, `is ${shown(value)}; it must be a whole number of at least 1.`)
}

function zeroOrMore(value: unknown, path: string, otherwise: number): number {
  if (value === undefined) return otherwise
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  return invalid(path, `is ${shown(value)}; it must be a number of 0 or more.`)
}
