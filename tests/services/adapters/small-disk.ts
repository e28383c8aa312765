import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface SmallDisk {
  readonly folder: string
  /** Takes all but `bytes` of the space that is left. */
  fillUpTo(bytes: number): void
  /** Gives back what was taken. */
  makeSpace(): void
  remove(): void
}

/** A disk of its own, in memory; or why there cannot be one. Only Linux's root may mount. */
export function mountSmallDisk(megabytes: number): SmallDisk | string {
  const folder = mkdtempSync(join(tmpdir(), 'polyrank-disk-'))
  const { status, stderr, error } = spawnSync(
    'mount',
    ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'polyrank-test', folder],
    { encoding: 'utf8' },
  )
  if (status !== 0) {
    rmdirSync(folder)
    return `a small disk cannot be mounted here: ${error?.message ?? stderr.trim()}`
  }
  const filler = join(folder, 'filler')
  return {
    folder,
    fillUpTo(bytes) {
      const { bavail, bsize } = statfsSync(folder)
      writeFileSync(filler, Buffer.alloc(bavail * bsize - bytes))
    },
    makeSpace: () => rmSync(filler),
    remove() {
      spawnSync('umount', ['-l', folder])
      rmdirSync(folder)
    },
  }
}
