import type { DeviceName } from '../../models/engine/device.ts'
import type { PeerSpec } from './peer.ts'

/** A program that takes part, or the reason why it cannot be started here. */
export interface Contender extends PeerSpec {
  readonly missing?: string
}

/** polyrank on one of its devices. */
export interface Own extends Contender {
  readonly device: DeviceName
}

/** What polyrank is compared with. Variants of one rival do the same work in other ways; the fastest of them counts. */
export interface Rival extends Contender {
  readonly rival: string
  /** Compared with polyrank on this device alone. */
  readonly only?: DeviceName
  /** Why its numbers need not be ours, where they need not. */
  readonly otherWork?: string
}

/** The least ratio that polyrank on a device aims at, against the fastest variant of a rival. */
export interface Aim {
  readonly device: DeviceName
  readonly rival: string
  readonly ratio: number
}

export interface Part {
  readonly name: string
  readonly title: string
  /** `times`: how many times as fast polyrank is. `share`: what of polyrank's step the other takes. */
  readonly shows: 'times' | 'share'
  readonly ours: readonly Own[]
  readonly rivals: readonly Rival[]
  readonly aims: readonly Aim[]
  /** Relative difference up to which numbers of both sides are the same work (default 1e-4). */
  readonly tolerance?: number
  /** What else a reader must know to judge the ratios. */
  readonly note?: string
}

export interface Settings {
  readonly threads: number
  /** Length of one measurement. */
  readonly seconds: number
  /** A Python that has torch and numpy. */
  readonly python: string | undefined
}
