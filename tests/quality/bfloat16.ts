/** What `engine.training.precision: 'bfloat16'` costs in quality, on MovieLens 1M; `--help` says how. */
import { createHash } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createNetwork } from '../../models/architectures/network.ts'
import { findDevice } from '../../models/engine/devices.ts'
import { readEngineSettings, trainingPrecisions } from '../../models/spec/engine-settings.ts'
import { Fault } from '../../models/spec/fault.ts'
import { layoutOf } from '../../models/spec/layout.ts'
import { createFirstPass } from '../../models/spec/statistics.ts'
import { encodeExamples, withNumberStatistics } from '../../pipelines/training/encoded-examples.ts'
import { baseRates, evaluate, toScores } from '../../pipelines/training/evaluate.ts'
import { fit } from '../../pipelines/training/fit.ts'
import { createExampleScorer } from '../../pipelines/training/score-examples.ts'
import { type Movielens, readMovielens, type Slice, sliceOf } from './movielens.ts'
import { movielensExamples, movielensRanker } from './movielens-examples.ts'
import { type Pair, type Run, reportOf } from './precision-cost.ts'

const help = `npx tsx tests/quality/bfloat16.ts FOLDER [options]

Learns MovieLens 1M twice a seed on the device tensorflow, with engine.training.precision 'float32' and 'bfloat16', and
compares AUC, normalised entropy and calibration error on ratings that neither learnt. Scores are computed in float32,
as of every trained version.

FOLDER is the unpacked ml-1m.zip, with ratings.dat, users.dat and movies.dat. It is not part of this repository: its
terms allow use in research, no redistribution, and no commercial use without permission. Get it, and the terms, from
https://grouplens.org/datasets/movielens/1m/ (F. M. Harper and J. A. Konstan, The MovieLens Datasets: History and
Context, ACM TiiS 5(4), 2015). The device comes with npm run setup:tensorflow.

  --seeds N    1, 2, ... N (default 3)
  --passes N   over what is learnt (default 5)
  --threads N  (default 2)
  --help

Example:
  npx tsx tests/quality/bfloat16.ts ~/ml-1m --seeds 1 --passes 1`

/** SHA-256 over the lines `user:movie` of each slice, its first digits. */
const checksums: Readonly<Record<Slice, string>> = {
  train: '5012590d5f85f512',
  validation: 'cf3c7cc2bb37ae4e',
  test: '2f064d586e4f782f',
}

interface Options {
  readonly folder: string
  readonly seeds: number
  readonly passes: number
  readonly threads: number
}

/** What says by itself what to do, without a stack. */
const isMisuse = (error: unknown): error is Error =>
  error instanceof Fault ||
  error instanceof RangeError ||
  (error instanceof TypeError && 'code' in error && `${error.code}`.startsWith('ERR_PARSE_ARGS'))

try {
  const options = readOptions(process.argv.slice(2))
  if (options === null) console.log(help)
  else await compare(options)
} catch (error) {
  if (!isMisuse(error)) throw error
  console.error(error.message)
  process.exitCode = 1
}

/** Null where help is asked for. */
function readOptions(args: readonly string[]): Options | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      seeds: { type: 'string', default: '3' },
      passes: { type: 'string', default: '5' },
      threads: { type: 'string', default: '2' },
      help: { type: 'boolean', default: false },
    },
  })
  const [folder, ...others] = positionals
  if (values.help) return null
  if (folder === undefined || others.length > 0) throw new RangeError('Give one folder; --help says which.')
  const wholeOf = (name: 'seeds' | 'passes' | 'threads') => {
    const value = Number(values[name])
    if (!Number.isInteger(value) || value < 1) throw new RangeError(`--${name} must be a whole number from 1.`)
    return value
  }
  return { folder, seeds: wholeOf('seeds'), passes: wholeOf('passes'), threads: wholeOf('threads') }
}

async function compare(options: Options): Promise<void> {
  const engines = trainingPrecisions.map((precision) => {
    const { threads } = options
    return readEngineSettings({ training: { device: 'tensorflow', precision, threads } }).training
  })
  const device = await findDevice('tensorflow', options.threads)
  const movielens = readMovielens(options.folder)
  requireSlices(movielens)
  const { network, examples, rows } = prepare(movielens)
  const { tasks } = movielensRanker
  const rates = baseRates(tasks, examples, rows.learnt)
  const scorer = await createExampleScorer(movielensRanker, network, examples, { device, threads: options.threads })
  const runOf = async (seed: number, { precision, threads }: (typeof engines)[number]): Promise<Run> => {
    const weights = await fit({
      definition: movielensRanker,
      network,
      examples,
      rows: rows.learnt,
      epochs: options.passes,
      seed,
      device,
      threads,
      precision,
      async afterEpoch(pass) {
        console.error(`seed ${seed} of ${options.seeds}, ${precision}, pass ${pass} of ${options.passes}`)
        return true
      },
    })
    const scores = toScores(tasks, await scorer.score(weights, rows.test))
    return { scores, metrics: evaluate(tasks, examples, { rows: rows.test, scores }, rates) }
  }
  const pairs: Pair[] = []
  for (let seed = 1; seed <= options.seeds; seed++) {
    const [float32, bfloat16] = [await runOf(seed, engines[0]!), await runOf(seed, engines[1]!)]
    pairs.push({ float32, bfloat16 })
    // After each seed: a run that is broken off has shown something.
    console.log(`${pairs.length === 1 ? '' : '\n'}Seeds 1 to ${seed}, ${options.passes} passes:\n\n${reportOf(pairs)}`)
  }
  await scorer.close()
}

function requireSlices({ ratings }: Movielens): void {
  for (const [slice, expected] of Object.entries(checksums)) {
    const lines = ratings
      .filter((rating) => sliceOf(rating) === slice)
      .map(({ userId, movieId }) => `${userId}:${movieId}\n`)
    const found = createHash('sha256').update(lines.join('')).digest('hex').slice(0, expected.length)
    if (found !== expected) throw new RangeError(`The ${slice} slice is not that of MovieLens 1M: ${found}.`)
  }
}

/** Statistics are those of the rows learnt, which come first. */
function prepare(movielens: Movielens) {
  const { slates, learnt, test } = movielensExamples(movielens)
  const first = createFirstPass(movielensRanker).finish()
  const examples = encodeExamples(movielensRanker, first, slates)
  const statistics = withNumberStatistics(layoutOf(movielensRanker), first, examples, learnt)
  return {
    network: createNetwork(movielensRanker, statistics),
    examples,
    rows: {
      learnt: Int32Array.from({ length: learnt }, (_, i) => i),
      test: Int32Array.from({ length: test }, (_, i) => learnt + i),
    },
  }
}
