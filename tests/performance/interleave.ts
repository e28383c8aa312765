import { type Comparison, compare, isQuiet, type Measurement, type Pair, sameWork } from './comparison.ts'
import { withForeignCores } from './foreign-load.ts'
import { type Peer, type PeerSpec, type Ready, startPeer } from './peer.ts'

export type Outcome =
  | {
      readonly label: string
      readonly version: string
      readonly check: readonly number[]
      readonly sameWork: boolean
      readonly comparison: Comparison
      readonly pairs: readonly Pair[]
    }
  | { readonly label: string; readonly missing: string }

export interface Interleaved {
  readonly ours: Ready
  readonly outcomes: readonly Outcome[]
}

/**
 * Takes a round of ours and of each peer in turn, again and again, until `rounds` of them were quiet or twice as many
 * were tried. One works at a time.
 */
export async function interleave(
  ours: PeerSpec,
  theirs: readonly PeerSpec[],
  rounds: number,
  log: (line: string) => void,
): Promise<Interleaved> {
  const running: Peer[] = []
  try {
    const first = await start(ours, running, log)
    if ('missing' in first) throw new Error(`${ours.label} does not run here: ${first.missing}`)
    const missing: Outcome[] = []
    const others: Peer[] = []
    for (const spec of theirs) {
      const peer = await start(spec, running, log)
      if ('missing' in peer) missing.push({ label: spec.label, missing: peer.missing })
      else others.push(peer)
    }
    const taken = others.length === 0 ? [] : await takeRounds([first, ...others], rounds, log)
    const outcomes = others.map(({ label, ready: { version, check } }, i): Outcome => {
      const pairs = taken.map(({ measured, foreignCores }): Pair => {
        return { ours: measured[0]!, theirs: measured[i + 1]!, foreignCores }
      })
      return { label, version, check, sameWork: sameWork(first.ready.check, check), comparison: compare(pairs), pairs }
    })
    return { ours: first.ready, outcomes: [...outcomes, ...missing] }
  } finally {
    await Promise.all(running.map((peer) => peer.stop()))
  }
}

async function start(spec: PeerSpec, running: Peer[], log: (line: string) => void) {
  log(`  ${spec.label}: warming up`)
  const peer = await startPeer(spec)
  if (!('missing' in peer)) running.push(peer)
  return peer
}

async function takeRounds(peers: readonly Peer[], rounds: number, log: (line: string) => void) {
  const taken: { readonly measured: readonly Measurement[]; readonly foreignCores: number | null }[] = []
  while (taken.filter(isQuiet).length < rounds && taken.length < 2 * rounds) {
    const { result: measured, foreignCores } = await withForeignCores(async () => {
      const all: Measurement[] = []
      for (const peer of peers) all.push(await peer.round())
      return all
    })
    taken.push({ measured, foreignCores })
    const beside = foreignCores === null ? '' : `, ${foreignCores.toFixed(2)} cores used by other processes`
    log(`  round ${taken.length}${beside}`)
  }
  return taken
}
