#!/usr/bin/env node
import closeWithGrace from 'close-with-grace'
import { Command } from 'commander'
import { pino } from 'pino'
import { Fault } from '../../models/spec/fault.ts'
import { createProgressView } from '../standalone/progress.ts'
import { readSettings } from '../standalone/settings.ts'
import { deadLettersCommand } from './dead-letters.ts'
import { doctorCommand } from './doctor.ts'
import { evaluateCommand } from './evaluate.ts'
import { eventsCommand } from './events.ts'
import { importCommand } from './import.ts'
import { ingestCommand } from './ingest.ts'
import { jobsCommand } from './jobs.ts'
import { lagCommand } from './lag.ts'
import { retentionCommand } from './retention.ts'
import { usersCommand } from './users.ts'

const environmentHelp = `
Environment:
  PORT           port to listen on (8080)
  HOST           address to listen on (127.0.0.1)
  POLYRANK_DATA  folder that holds everything (.polyrank)
  DATABASE_URL   PostgreSQL in place of the embedded database
  LOG_LEVEL      fatal, error, warn, info, debug or silent (warn)
  KAFKA_BROKERS  events are read from there, too; polyrank ingest --help has the other KAFKA_ variables

What is ranked, and on which devices, is in polyrank.config.ts; without it, the bundled sample's ranker is used.

Examples:
  polyrank start
  PORT=9000 POLYRANK_DATA=/var/lib/polyrank polyrank start`

const program = new Command('polyrank')
  .description('A multi-task ranking service for recommendations.')
  .showHelpAfterError()
  .addHelpText(
    'after',
    `
Examples:
  polyrank start
  polyrank jobs train
  polyrank doctor
  polyrank evaluate --help`,
  )

program
  .command('start')
  .description('run the service; without a configuration, the first run loads the bundled sample and learns it')
  .addHelpText('after', environmentHelp)
  .action(start)
program.addCommand(doctorCommand())
program.addCommand(evaluateCommand())
program.addCommand(jobsCommand())
program.addCommand(ingestCommand())
program.addCommand(lagCommand())
program.addCommand(eventsCommand())
program.addCommand(deadLettersCommand())
program.addCommand(importCommand())
program.addCommand(retentionCommand())
program.addCommand(usersCommand())

try {
  await program.parseAsync()
} catch (error) {
  fail(error)
}

async function start(): Promise<void> {
  const settings = readSettings(process.env)
  const logger = pino({ level: settings.logLevel }, pino.destination(2))
  const view = createProgressView(process.stdout)
  // Loaded when it runs: other commands need no storage and no engine.
  const { startStandalone } = await import('../standalone/start.ts')
  const starting = startStandalone(settings, view, logger, fail)
  closeWithGrace({ delay: 15_000 }, async ({ err, signal }) => {
    if (err !== undefined) logger.fatal({ err }, err.message)
    if (signal !== undefined) view.say('Stopping')
    await (await starting).close()
  })
  await starting
}

function fail(error: unknown): never {
  if (error instanceof Fault) console.error(`\npolyrank: ${error.message} [${error.code}]`)
  else console.error(error)
  process.exit(1)
}
