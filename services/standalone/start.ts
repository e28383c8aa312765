import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { Fault } from '../../models/spec/fault.ts'
import { recallVerdict } from '../../pipelines/devices/choose-device.ts'
import { drop, type EventOutcome, ingest, liveSource, type RawRecord, replay } from '../../pipelines/ingest/ingest.ts'
import { join as joinEvents } from '../../pipelines/join/join.ts'
import type { Skew } from '../../pipelines/join/skew.ts'
import { applyRetention } from '../../pipelines/retention/retention.ts'
import { quantizationLines } from '../../pipelines/training/quantization.ts'
import { choosingContext } from '../adapters/devices/configured.ts'
import type { Signal } from '../adapters/postgres/signals.ts'
import { createApp } from '../ranker/app.ts'
import { createLiveRankers } from '../ranker/live-rankers.ts'
import { countOutcomes, countSkew, createMetrics } from '../ranker/metrics.ts'
import { startScoringThread } from '../ranker/scoring/scoring-thread.ts'
import type { App, RankerService } from '../ranker/service.ts'
import { createSlateLog } from '../ranker/slate-log.ts'
import { repeat } from './background.ts'
import { deviceLines } from './device-lines.ts'
import { trainFirstVersion } from './first-version.ts'
import { startKafkaIntake } from './kafka-intake.ts'
import { loadConfig } from './load-config.ts'
import { intakeWarnings, measureIntake } from './measure-intake.ts'
import type { ProgressView } from './progress.ts'
import { loadSample, sampleState } from './sample.ts'
import type { Settings } from './settings.ts'
import { listenToStorage, openStorage, type Storage } from './storage.ts'
import { createTrainerProcess } from './trainer-process.ts'
import { linesToCopy, metricsTable, someIds } from './welcome.ts'

const lookEveryMs = 1_000
const maintainEveryMs = 60_000
const retainEveryMs = 24 * 3_600_000
const measureEveryMs = 5_000
const mostWaiting = 256

export interface Standalone {
  readonly url: string
  close(): Promise<void>
}

/**
 * Everything in one process, but for training: storage, the HTTP interface, the join. On the first run with the bundled
 * sample it loads and learns that, so that it can rank. `onLost` hears when the database ended by itself.
 */
export async function startStandalone(
  settings: Settings,
  view: ProgressView,
  logger: Logger,
  onLost: (fault: Fault) => void,
): Promise<Standalone> {
  const { rankers, engine, events, from } = await loadConfig(process.cwd())
  const { latenessMs, late } = events
  const report = (error: unknown) => logger.error({ err: error }, (error as Error).message)
  view.show('Opening storage', 0, 1)
  const storage = await openStorage(settings, report, onLost)
  const closers: (() => Promise<unknown>)[] = [storage.close]
  let isStopping = false
  const close = async () => {
    isStopping = true
    for (const closer of closers.toReversed()) await closer()
  }
  try {
    const live = await createLiveRankers({
      definitions: rankers,
      registry: storage.registry,
      blobs: storage.blobs,
      folder: join(settings.dataFolder, 'serving'),
      startScoring: (onStopped) =>
        startScoringThread({
          engine: { ...engine.serving, dataFolder: settings.dataFolder },
          mostWaiting,
          onStopped,
          say: (line) => logger.info(line),
        }),
      nowMs: Date.now,
      onFault: report,
    })
    closers.push(live.close)
    await live.follow()
    const names = rankers.map(({ name }) => name)
    const intake = { store: storage.ingest, rankers: names, nowMs: Date.now }
    const metrics = createMetrics()
    let hear: (signal: Signal) => void = () => {}
    let intakeOfKafka: Awaited<ReturnType<typeof startKafkaIntake>> | null = null
    const kafkaStates = () => intakeOfKafka?.states() ?? null
    const onSkew = (skew: Skew) => countSkew(metrics, skew)
    const joinContext = { store: storage.join, rankers, latenessMs, late, nowMs: Date.now, onSkew }
    const takeLive = async (records: readonly RawRecord[]) => {
      const outcomes = await ingest(records, { ...intake, source: liveSource })
      hear('events')
      return outcomes
    }
    const service: RankerService = {
      ...storage,
      definitions: rankers,
      live,
      metrics,
      slateLog: createSlateLog(takeLive),
      ingest: takeLive,
      replay: (letter, payload) => replay(letter, payload, intake),
      drop: (letter) => drop(letter, intake),
      warnings: () => intakeWarnings(kafkaStates()),
      isStopping: () => isStopping,
      nowMs: Date.now,
      newId: randomUUID,
    }
    const app = await createApp(service, logger)
    closers.push(() => app.close())
    const url = await listen(app, settings)
    view.say(`Listening on ${url}`)

    const trainer = createTrainerProcess(storage.jobs, settings.dataFolder)
    closers.push(trainer.close)
    const training = repeat(lookEveryMs, trainer.ensure, report)
    closers.push(training.stop)
    if (from.kind === 'sample') {
      await learnSample(storage, names[0]!, {
        view,
        isStopping: () => isStopping,
        load: (onLoaded) => loadSample(intake, onLoaded),
        join: async (onJoined) => metrics.joined.inc(await joinEvents(joinContext, onJoined)),
      })
      await live.follow()
    }
    const joining = repeat(lookEveryMs, async () => metrics.joined.inc(await joinEvents(joinContext)), report)
    const following = repeat(lookEveryMs, live.follow, report)
    closers.push(joining.stop, following.stop, repeat(maintainEveryMs, storage.maintain, report).stop)
    hear = (signal) => {
      if (signal === 'events') joining.wake(latenessMs)
      else (signal === 'job' ? training : following).wake()
    }
    const listener = listenToStorage(settings, hear, report)
    if (listener !== null) closers.push(listener.close)
    const retain = () =>
      applyRetention({ store: storage.retention, settings: events, nowMs: Date.now(), isDryRun: false })
    closers.push(repeat(retainEveryMs, retain, report).stop)
    if (settings.kafka !== null) {
      const onTaken = (outcomes: readonly EventOutcome[]) => {
        countOutcomes(metrics, outcomes)
        hear('events')
      }
      const { store, rankers: allowed, nowMs } = intake
      const { positions } = storage
      intakeOfKafka = await startKafkaIntake(
        { kafka: settings.kafka, store, positions, rankers: allowed, latenessMs, nowMs, log: logger, onTaken },
        report,
      )
      closers.push(intakeOfKafka.close)
    }
    closers.push(repeat(measureEveryMs, () => measureIntake(metrics, storage, kafkaStates()), report).stop)
    const context = choosingContext(settings.dataFolder)
    const devices = await deviceLines(rankers, engine, (subject) => recallVerdict(subject, context))
    if (devices.length > 0) view.say(`\n${devices.join('\n')}`)
    await welcome(view, storage, live.states(), rankers, url)
    return { url, close }
  } catch (error) {
    view.end()
    await close()
    throw error
  }
}

async function listen(app: App, { host, port }: Settings): Promise<string> {
  try {
    return await app.listen({ host, port })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EADDRINUSE') {
      throw new Fault(
        'PORT_IN_USE',
        `Port ${port} of ${host} is taken. Stop what listens there, or set another PORT.`,
        {
          path: 'PORT',
        },
      )
    }
    if (code === 'EACCES' || code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new Fault(
        'ADDRESS_UNUSABLE',
        `${host}:${port} cannot be listened on (${code}). Set another HOST or PORT.`,
        {
          path: 'HOST',
        },
      )
    }
    throw error
  }
}

interface Learning {
  readonly view: ProgressView
  isStopping(): boolean
  load(report: (done: number, of: number) => void): Promise<void>
  join(report: (joined: number) => void): Promise<void>
}

async function learnSample(storage: Storage, ranker: string, learning: Learning): Promise<void> {
  const { view, isStopping, load, join: joinSample } = learning
  const state = await sampleState(storage.join)
  if (state === 'missing') {
    let total = 0
    await load((done, of) => {
      total = of
      view.show('Loading events', done, of)
    })
    await storage.maintain()
    await joinSample((done) => view.show('Joining events', done, total))
  } else if (state === 'loaded') await joinSample((done) => view.show('Joining events', done, done))
  const job = await trainFirstVersion(ranker, storage, view, isStopping)
  if (job === null || isStopping()) return
  if (job.state !== 'completed') {
    view.say(`Training ended as ${job.state}: ${job.faultMessage ?? 'no version serves yet'}`)
  } else for (const reason of job.result!.reasons) view.say(`  ${reason}`)
}

async function welcome(
  view: ProgressView,
  { registry, examples }: Storage,
  states: readonly { readonly ranker: string; readonly modelVersion: string | null; readonly fault: Fault | null }[],
  rankers: readonly {
    readonly name: string
    readonly tasks: readonly { readonly label: { readonly kind: string } }[]
  }[],
  url: string,
): Promise<void> {
  for (const { ranker, modelVersion, fault } of states) {
    if (fault !== null) view.say(`\n${fault.code}: ${fault.message}`)
    const version = modelVersion === null ? null : await registry.find(modelVersion)
    view.say(
      version === null
        ? `\nRanker "${ranker}" has no version yet: send events to ${url}/v1/events, then train.`
        : `\nRanker "${ranker}", version ${version.version}, on examples newer than any it learnt:\n\n${metricsTable(
            version.metrics,
            version.definition.tasks.map(({ name }) => name),
          )}`,
    )
    if (version?.quantization !== undefined) view.say(quantizationLines(version.quantization).join('\n'))
  }
  const [first] = rankers
  const ids = await someIds(examples, first!.name)
  view.say(`\n${linesToCopy(url, ids, first!.tasks[0]!.label.kind, new Date())}`)
  view.say(`\nReady. The interface is described at ${url}/docs; stop with Ctrl-C.`)
}
