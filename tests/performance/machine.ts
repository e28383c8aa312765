import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem, type } from 'node:os'

/** The machine that the numbers are of. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  /** Of those that decide the speed of matrix multiplication; empty where unknown. */
  readonly vectors: readonly string[]
  readonly memoryGb: number
  readonly system: string
  readonly node: string
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    vectors: vectorExtensions(),
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
  }
}

function vectorExtensions(): readonly string[] {
  try {
    const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1]?.split(' ') ?? []
    return ['avx2', 'avx512f', 'avx512_vnni', 'amx_bf16'].filter((flag) => flags.includes(flag))
  } catch {
    return []
  }
}
