import { createNetwork } from '../../../models/architectures/network.ts'
import { cpu } from '../../../models/engine/cpu.ts'
import type { Device, Session } from '../../../models/engine/device.ts'
import { layoutOf } from '../../../models/spec/layout.ts'
import type { RankerDefinition } from '../../../models/spec/ranker.ts'
import { createFirstPass } from '../../../models/spec/statistics.ts'
import { encodeExamples, withNumberStatistics } from '../../../pipelines/training/encoded-examples.ts'
import type { FitOptions, FitState, Keeper } from '../../../pipelines/training/fit.ts'
import { worldOf } from './small-source.ts'

export const range = (from: number, to: number) => Int32Array.from({ length: to - from }, (_, i) => from + i)

/** A fit over all examples of `slates`, in two passes. */
export function optionsOf(definition: RankerDefinition, slates = worldOf(60)): FitOptions {
  const pass = createFirstPass(definition)
  for (const slate of slates) pass.add(slate)
  const first = pass.finish()
  const examples = encodeExamples(definition, first, slates)
  const statistics = withNumberStatistics(layoutOf(definition), first, examples, examples.count)
  const network = createNetwork(definition, statistics)
  return {
    ...{ definition, network, examples, rows: range(0, examples.count), epochs: 2, seed: 1, device: cpu, threads: 1 },
  }
}

/** Keeps the state after every step, by step. */
export function keepAll(): Keeper & { readonly states: Map<number, FitState> } {
  const states = new Map<number, FitState>()
  return {
    states,
    isDue: () => true,
    async keep(read) {
      const state = await read()
      states.set(state.step, state)
    },
    lastKept: () => [...states.keys()].map((step) => `step ${step}, is in a map`).at(-1) ?? null,
  }
}

/** The device `cpu`, its sessions changed. */
export const cpuWith = (change: (session: Session) => Partial<Session>): Device => ({
  ...cpu,
  async open(program, options) {
    const session = await cpu.open(program, options)
    return { ...session, ...change(session) }
  },
})
