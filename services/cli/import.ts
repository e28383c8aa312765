import { basename } from 'node:path'
import { Command, Option } from 'commander'
import { Fault } from '../../models/spec/fault.ts'
import { type Imported, importRecords } from '../../pipelines/import/import.ts'
import { type Mapping, readMapping, type TimeUnit, timeUnits } from '../../pipelines/import/mapping.ts'
import { eventTypes } from '../../pipelines/ingest/events.ts'
import { liveSources } from '../../pipelines/join/clocks.ts'
import { loadConfig } from '../standalone/load-config.ts'
import { createProgressView } from '../standalone/progress.ts'
import { type Format, formatOf, formats, openFile } from './import-file.ts'
import { withStorage } from './reach-storage.ts'
import { examples } from './service-client.ts'

interface Options {
  readonly source: string
  readonly type?: (typeof eventTypes)[number]
  readonly format?: Format
  readonly map: readonly string[]
  readonly set: readonly string[]
  readonly timeUnit: TimeUnit
  readonly fromRow: number
  readonly keepOpen?: true
  readonly json?: true
}

const help = `
Lines of NDJSON are events already. Of CSV and Parquet, each row is one event of --type, its fields given by --map and --set:
  every one  occurredAt, eventId (SOURCE-TYPE-ROW where it is not given)
  feedback   userId, itemId, kind, value, slateId
  slate      userId, itemId (a list of one), slateId (SOURCE-ROW), ranker, limit, score, features.NAME, context.NAME, user.NAME
  impression slateId, itemId
  item       itemId, features.NAME, deleted
  user       userId, features.NAME, deleted
A field may end with :text, :number, :boolean or :list (parts divided by "|"), as in --map genres=features.genres:list.
Files of one source are joined together once the last one is in: give --keep-open with all others.
Bad rows are set aside: \`polyrank dead-letters list\`. An import that was stopped goes on with the same command.
`

/** Takes a file of the past into the storage of the data folder, or of DATABASE_URL, whether the service runs or not. */
export function importCommand(): Command {
  const several = (value: string, before: readonly string[]) => [...before, value]
  return new Command('import')
    .description('take a file of the past in, in any order of time')
    .argument('<file>', 'NDJSON, CSV or Parquet; NDJSON and CSV may be packed (.gz)')
    .requiredOption('--source <name>', 'what the file is part of: it has a clock of its own', sourceName)
    .addOption(new Option('--type <type>', 'of the event that each row is').choices(eventTypes))
    .addOption(new Option('--format <format>', 'where the name of the file does not say').choices(formats))
    .option('--map <column=field>', 'a column and the field that it fills; once for each', several, [])
    .option(
      '--set <field=value>',
      'a field that is the same in each row; {row} in it is the number of the row',
      several,
      [],
    )
    .addOption(
      new Option('--time-unit <unit>', 'what the column of occurredAt holds, since 1970 where it is a number')
        .choices(timeUnits)
        .default('rfc3339'),
    )
    .option('--from-row <number>', 'leave out those before, which were taken', rowNumber, 1)
    .option('--keep-open', 'more files of this source follow')
    .option('--json', 'answer as JSON, for scripts')
    .showHelpAfterError()
    .addHelpText(
      'after',
      help +
        examples(
          'polyrank import events.ndjson --source warehouse',
          'polyrank import movies.csv --source movielens --type item --map id=itemId --map genres=features.genres:list --set occurredAt=1995-01-01T00:00:00Z --keep-open',
          'polyrank import ratings.csv --source movielens --type feedback --map user=userId --map movie=itemId --map rating=value --map ts=occurredAt --time-unit s --set kind=rating',
        ),
    )
    .action(run)
}

async function run(file: string, options: Options): Promise<void> {
  const format = options.format ?? formatOf(file)
  if (format === null) throw invalid(`What ${file} holds is not known by its name; say it with --format.`)
  const opened = await openFile(file, format, options.source, mappingOf(format, options))
  const view = createProgressView(process.stderr)
  const { rankers } = await loadConfig(process.cwd())
  let isStopping = false
  const stop = () => {
    isStopping = true
  }
  const imported = await withStorage(async ({ ingest: store }) => {
    process.once('SIGINT', stop).once('SIGTERM', stop)
    const context = { store, rankers: rankers.map(({ name }) => name), source: options.source, nowMs: Date.now }
    return importRecords(opened.records, context, {
      file: basename(file),
      fromRow: options.fromRow,
      keepOpen: options.keepOpen === true,
      isStopping: () => isStopping,
      onTaken({ rows }) {
        const { done, of } = opened.progress()
        view.show('Importing', done, of, `${rows.toLocaleString('en')} rows`)
      },
    })
  }).finally(() => {
    view.end()
    process.removeListener('SIGINT', stop).removeListener('SIGTERM', stop)
  })
  report(imported, options)
}

function mappingOf(format: Format, { type, map, set, timeUnit }: Options): Mapping | null {
  if (format !== 'ndjson') {
    if (type === undefined) throw invalid('Say with --type which event each row is.')
    return readMapping(type, map, set, timeUnit)
  }
  if (type === undefined && map.length + set.length === 0) return null
  throw invalid('Lines of NDJSON are events already: leave out --type, --map and --set.')
}

function report(imported: Imported, { json, source }: Options): void {
  const { rows, accepted, duplicate, quarantined, nextRow, faults } = imported
  if (json === true) console.log(JSON.stringify(imported, null, 2))
  else {
    for (const { row, code, path, message } of faults)
      console.log(`row ${row}: ${code} at ${path || 'the top'}: ${message}`)
    console.log(
      `${rows} rows into "${source}": ${accepted} accepted, ${duplicate} duplicate, ${quarantined} quarantined`,
    )
    if (nextRow !== null) console.log(`Stopped. The same command goes on, sooner with --from-row ${nextRow}`)
  }
  if (nextRow !== null) process.exitCode = 130
  else if (quarantined > 0) process.exitCode = 1
}

const invalid = (message: string) => new Fault('ARGUMENT_INVALID', `${message} See \`polyrank import --help\`.`)

function sourceName(text: string): string {
  if (/^[\w.-]{1,100}$/.test(text) && !liveSources.includes(text)) return text
  throw invalid(
    `--source is "${text}"; it must be up to 100 letters, digits, ".", "_" or "-", and not "rest" or "kafka".`,
  )
}

function rowNumber(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw invalid(`--from-row is "${text}"; it must be a whole number from 1.`)
}
