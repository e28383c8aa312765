import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, freemem, totalmem } from 'node:os'

export interface MachineFinding {
  readonly node: string
  readonly processor: string
  /** What it multiplies with, most telling last; empty where the system does not say. */
  readonly extensions: readonly string[]
  readonly cores: number
  /** What this process may use. */
  readonly memoryBytes: number
  readonly freeBytes: number
}

export function examineMachine(): MachineFinding {
  const memoryBytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)
  return {
    node: process.versions.node,
    processor: cpus()[0]?.model ?? 'unknown',
    extensions: process.platform === 'linux' ? vectorExtensions(cpuinfo()) : process.arch === 'arm64' ? ['NEON'] : [],
    cores: availableParallelism(),
    memoryBytes,
    freeBytes: Math.min(freemem(), memoryBytes),
  }
}

function cpuinfo(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return ''
  }
}

/** Names that Linux has for them, on x86 and on arm64. */
const flagNames: readonly (readonly [flag: string, name: string])[] = [
  ['asimd', 'NEON'],
  ['sve', 'SVE'],
  ['bf16', 'bfloat16'],
  ['i8mm', 'int8'],
  ['avx', 'AVX'],
  ['avx2', 'AVX2'],
  ['fma', 'FMA'],
  ['avx_vnni', 'AVX-VNNI'],
  ['avx512f', 'AVX-512'],
  ['avx512_vnni', 'AVX-512 VNNI'],
  ['avx512_bf16', 'AVX-512 bfloat16'],
  ['amx_int8', 'AMX int8'],
  ['amx_bf16', 'AMX bfloat16'],
]

/** Vector and matrix instructions of the first processor in the text of `/proc/cpuinfo`. */
export function vectorExtensions(text: string): string[] {
  const flags = new Set(/^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1]?.trim().split(/\s+/))
  return flagNames.filter(([flag]) => flags.has(flag)).map(([, name]) => name)
}
