import type { NamedTensor } from '../../models/engine/safetensors.ts'
import type { TableState } from '../../models/tables/table.ts'
import type { ChosenEpochs } from './choose-epochs.ts'
import type { FitState, Keeper } from './fit.ts'
import type { TrainingRun } from './training-run.ts'

/** What was read of the examples; whoever goes on reads the same, although more has come since. */
export interface ReadExamples {
  readonly fromMs: number
  readonly toMs: number
  readonly impressions: number
  /** Feedback was known up to here. */
  readonly watermarkMs: number
  readonly readAtMs: number
}

/** A training under way: it makes two fits, one that chooses how many passes to make, then one over all that is learnt. */
export interface Checkpoint {
  readonly run: TrainingRun
  readonly read: ReadExamples
  readonly fit: 'choosing' | 'learning'
  /** The best so far while choosing; null before the first pass. */
  readonly chosen: ChosenEpochs | null
  readonly state: FitState
}

/** A checkpoint as it is stored: what is small as JSON, and tensors. */
export interface StoredCheckpoint {
  readonly facts: Omit<Checkpoint, 'state'> & {
    readonly formatVersion: 1
    readonly step: number
    readonly masks: readonly number[]
  }
  readonly tensors: readonly NamedTensor[]
}

/** Where one job's checkpoint is kept. */
export interface CheckpointStore {
  /** For people. */
  readonly place: string
  /** Null where there is none. Fault `CHECKPOINT_UNREADABLE`. */
  read(): Promise<StoredCheckpoint | null>
  /** Replaces what was there: a crash in the middle leaves that whole. */
  write(checkpoint: StoredCheckpoint): Promise<void>
}

/** What a training needs to go on where an earlier attempt was cut off, and to be gone on with. */
export interface Checkpointing {
  readonly kept: Checkpoint | null
  readonly store: Pick<CheckpointStore, 'place' | 'write'>
  /** When the first attempt began to read. */
  readonly readAtMs: number
  nowMs(): number
}

type Numbers = Float32Array | Float64Array | Int32Array

/** Whole numbers and doubles as the bits that they are: the file holds float32 only. */
const tensorOf = (name: string, values: Numbers): NamedTensor => {
  const data = new Float32Array(values.buffer, values.byteOffset, values.byteLength / Float32Array.BYTES_PER_ELEMENT)
  return { name, shape: [data.length], data }
}

export function toStored({ state, ...facts }: Checkpoint): StoredCheckpoint {
  const { step, masks, dense, deep, wide } = state
  const ofTable = (table: string, { step: _, ...parts }: TableState) =>
    Object.entries(parts).map(([part, values]) => tensorOf(`${table}.${part}`, values))
  return {
    facts: { formatVersion: 1, ...facts, step, masks: [...masks] },
    tensors: [
      ...Object.entries(dense).map(([name, values]) => tensorOf(`dense.${name}`, values as Float32Array)),
      ...ofTable('deep', deep),
      ...ofTable('wide', wide),
    ],
  }
}

export function fromStored({ facts, tensors }: StoredCheckpoint): Checkpoint {
  const { formatVersion: _, step, masks, ...rest } = facts
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor.data]))
  const floats = (name: string) => byName.get(name)!
  const ints = (name: string) => new Int32Array(floats(name).buffer, floats(name).byteOffset, floats(name).length)
  const doubles = (name: string) =>
    new Float64Array(floats(name).buffer, floats(name).byteOffset, floats(name).length / 2)
  const table = (name: string): TableState => ({
    step,
    rows: ints(`${name}.rows`),
    lastSteps: ints(`${name}.lastSteps`),
    weights: floats(`${name}.weights`),
    averages: floats(`${name}.averages`),
    moments: doubles(`${name}.moments`),
    decays: doubles(`${name}.decays`),
  })
  const dense = Object.fromEntries(
    tensors
      .filter(({ name }) => name.startsWith('dense.'))
      .map(({ name, data }) => [name.slice('dense.'.length), data]),
  )
  return {
    ...rest,
    state: { step, masks: Int32Array.from(masks), dense, deep: table('deep'), wide: table('wide') },
  }
}

/** Share of the time that checkpoints may take, and what the first is taken to cost. */
const mostShare = 0.01
const firstCostMs = 100

/** Keepers of a job's fits, which write its checkpoints: no more of them than may take a hundredth of the time. */
export function createKeepers(
  { store, nowMs }: Checkpointing,
  training: Pick<Checkpoint, 'run' | 'read'>,
  from: Checkpoint | null,
): (fit: Checkpoint['fit'], chosen: () => ChosenEpochs | null) => Keeper {
  let [endedMs, costMs] = [nowMs(), firstCostMs]
  let lastStep = from?.state.step ?? null
  return (fit, chosen) => ({
    isDue: () => nowMs() - endedMs >= costMs / mostShare - costMs,
    async keep(read) {
      const startedMs = nowMs()
      const state = await read()
      await store.write(toStored({ ...training, fit, chosen: chosen(), state }))
      lastStep = state.step
      endedMs = nowMs()
      costMs = Math.max(endedMs - startedMs, 1)
    },
    lastKept: () => (lastStep === null ? null : `step ${lastStep}, is in ${store.place}`),
  })
}
