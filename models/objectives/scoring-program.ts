import type { Network } from '../architectures/network.ts'
import type { Program, TypedArray } from '../engine/program.ts'
import { record } from '../engine/record.ts'
import type { RankerDefinition } from '../spec/ranker.ts'
import type { Calibration } from './calibration.ts'
import { deepTable, scoringStep, wideTable } from './scoring-step.ts'

/**
 * The scoring step as a program of its own, for devices that do not read a version's graph file. The weights are its
 * state, which it leaves as it is.
 */
export function scoringProgram(
  definition: RankerDefinition,
  network: Network,
  calibrations: readonly Calibration[],
  candidates: number,
): Program {
  const { inputs, run } = scoringStep(definition, network, calibrations, candidates)
  const weights = new Set([...network.parameters.parameters.map(({ name }) => name), deepTable, wideTable])
  const pick = (isWeight: boolean) =>
    Object.fromEntries(Object.entries(inputs).filter(([name]) => weights.has(name) === isWeight))
  return record({
    inputs: pick(false),
    state: pick(true),
    run: (fed, state) => ({ outputs: run({ ...fed, ...state }, {}).outputs, state }),
  })
}

/** The same program with its state, where that never changes, as constants: a runtime may arrange them as it likes best. */
export function withConstants(program: Program, state: Readonly<Record<string, TypedArray>>): Program {
  const constants = new Map(program.constants)
  for (const { name, from } of program.state) constants.set(from, state[name]!)
  return { ...program, constants, state: [] }
}
