import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { availableParallelism, cpus } from 'node:os'
import { dirname, join } from 'node:path'
import { findPackage } from '../../../models/engine/tensorflow/library.ts'

/** All that decides which device is fastest here, found without loading any: processor, cores, and installed runtimes. */
export function describeMachine(): string {
  const { resolve } = createRequire(import.meta.url)
  const runtimes = [dirname(resolve('onnxruntime-node/package.json')), findPackage(import.meta.filename)?.folder]
  return JSON.stringify([cpus()[0]?.model ?? 'unknown', availableParallelism(), process.arch, runtimes.map(contentOf)])
}

/** The version of a package, and the libraries that were put into it afterwards; null where it is not there. */
function contentOf(folder: string | undefined): unknown {
  if (folder === undefined) return null
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  return [name, version, librariesIn(join(folder, 'deps', 'lib'))]
}

function librariesIn(folder: string): unknown {
  try {
    return readdirSync(folder).map((file) => {
      const { size, mtimeMs } = statSync(join(folder, file))
      return [file, size, mtimeMs]
    })
  } catch {
    return null
  }
}
