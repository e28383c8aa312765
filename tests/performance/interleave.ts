import { isQuiet, type Taken } from './comparison.ts'
import { withForeignCores } from './foreign-load.ts'
import { type Peer, type PeerSpec, type Ready, startPeer } from './peer.ts'

/** What one program showed: one measurement a round, in the order of the rounds. */
export interface Ran<Spec> extends Ready {
  readonly spec: Spec
  readonly taken: readonly Taken[]
}
/** A program that cannot run here, and why. */
export interface Absent<Spec> {
  readonly spec: Spec
  readonly missing: string
}
export type Outcome<Spec> = Ran<Spec> | Absent<Spec>

export const hasRun = <Spec>(outcome: Outcome<Spec>): outcome is Ran<Spec> => !('missing' in outcome)

type Startable = PeerSpec & { readonly missing?: string }

/**
 * Takes a measurement of each program in turn, again and again, until `rounds` rounds were quiet throughout or twice as
 * many were tried. One works at a time. Outcomes are in the order of `specs`.
 */
export async function interleave<Spec extends Startable>(
  specs: readonly Spec[],
  rounds: number,
  log: (line: string) => void,
  watch: typeof withForeignCores = withForeignCores,
): Promise<readonly Outcome<Spec>[]> {
  const started: { readonly spec: Spec; readonly peer: Peer | string }[] = []
  const running = () => started.flatMap(({ peer }) => (typeof peer === 'string' ? [] : [peer]))
  try {
    for (const spec of specs) started.push({ spec, peer: spec.missing ?? (await start(spec, log)) })
    const taken = running().length < 2 ? [] : await takeRounds(running(), rounds, log, watch)
    return started.map(({ spec, peer }) => {
      if (typeof peer === 'string') return { spec, missing: peer }
      const place = running().indexOf(peer)
      return { spec, ...peer.ready, taken: taken.map((round) => round[place]!) }
    })
  } finally {
    await Promise.all(running().map((peer) => peer.stop()))
  }
}

/** The program, warm; or why it cannot run. */
async function start(spec: PeerSpec, log: (line: string) => void): Promise<Peer | string> {
  log(`  ${spec.label}: warming up`)
  const peer = await startPeer(spec)
  return 'missing' in peer ? peer.missing : peer
}

async function takeRounds(
  peers: readonly Peer[],
  rounds: number,
  log: (line: string) => void,
  watch: typeof withForeignCores,
) {
  const taken: (readonly Taken[])[] = []
  while (taken.filter((round) => round.every(isQuiet)).length < rounds && taken.length < 2 * rounds) {
    const round: Taken[] = []
    for (const peer of peers) {
      const { result, foreignCores } = await watch(() => peer.round())
      round.push({ ...result, foreignCores })
    }
    taken.push(round)
    const most = Math.max(...round.map(({ foreignCores }) => foreignCores ?? 0))
    log(`  round ${taken.length}, at most ${most.toFixed(2)} cores used by others`)
  }
  return taken
}
