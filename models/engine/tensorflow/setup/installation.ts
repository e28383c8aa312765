import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { addonPath } from '../library.ts'
import { buildAddon, fetchLibrary, findTools, packageVersion, type Run, version } from './build.ts'
import type { CheckResult } from './check.ts'
import type { SetupOptions } from './options.ts'

export interface Setup {
  readonly root: string
  readonly run: Run
  readonly say: (line: string) => void
}

/** The scripts of the package would download the library. As an optional peer alone, npm would not install it. */
const npmInstall = ['install', '--no-save', '--save-prod', '--ignore-scripts']

/** Does what is missing. */
export async function setUp({ gpu, force }: SetupOptions, { root, run, say }: Setup): Promise<void> {
  const name = gpu ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node'
  const folder = join(root, 'node_modules', name)
  const missing = await findMissing(folder, { gpu, force })
  if (missing.length === 0) say(`${name} ${packageVersion} with TensorFlow ${version} is there already.`)
  else {
    const { compiler } = await findTools(run)
    // Beside what it becomes, so that a move is enough, and under one name, so that a run that was cut off leaves one.
    const temporary = join(root, 'node_modules', '.setup-tensorflow')
    await rm(temporary, { recursive: true, force: true })
    await mkdir(temporary)
    try {
      if (missing.includes('package')) {
        say(`1/4 ${name} ${packageVersion}, from npm`)
        await rm(folder, { recursive: true, force: true })
        await run('npm', [...npmInstall, `${name}@${packageVersion}`], { folder: root })
      }
      if (missing.includes('library')) {
        say(`2/4 TensorFlow's C library ${version}, from pip: ${gpu ? '3.4 GB' : '274 MB'}`)
        await fetchLibrary(run, join(temporary, 'deps'), { gpu })
        await rm(join(folder, 'deps'), { recursive: true, force: true })
        await rename(join(temporary, 'deps'), join(folder, 'deps'))
      }
      say('3/4 the addon between the two, by the C++ compiler')
      await run('npm', [...npmInstall, `--prefix=${temporary}`, 'node-api-headers@1'])
      await buildAddon(run, compiler, folder, join(temporary, 'node_modules', 'node-api-headers', 'include'))
    } finally {
      await rm(temporary, { recursive: true, force: true })
    }
  }
  say('4/4 a check: loading it in a new process')
  const printed = await run(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'check.ts')], {
    folder: root,
  })
  const { about, xla, gpu: onGpu } = JSON.parse(printed) as CheckResult
  say(
    `${about.runtime} works on ${onGpu ? 'the GPU' : 'the processor'}, ${xla ? 'with' : 'without'} XLA, its compiler.`,
  )
  for (const note of about.notes) say(`Note: ${note}`)
  say(`It takes ${Math.round((await sizeOf(folder)) / 1e6)} MB in ${relative(root, folder)}.`)
}

type Part = 'package' | 'library' | 'addon'

/** What is to be done, in this order: a new package comes without library, and a new library wants a new addon. */
async function findMissing(
  folder: string,
  { gpu, force }: Pick<SetupOptions, 'gpu' | 'force'>,
): Promise<readonly Part[]> {
  const parts = ['package', 'library', 'addon'] as const
  const manifest = join(folder, 'package.json')
  if (force || !existsSync(manifest)) return parts
  if ((JSON.parse(await readFile(manifest, 'utf8')) as { version: string }).version !== packageVersion) return parts
  const wheel = `${gpu ? 'tensorflow' : 'tensorflow_cpu'}-${version}.dist-info`
  if (!existsSync(join(folder, 'deps', wheel))) return parts.slice(1)
  return existsSync(join(folder, addonPath)) ? [] : parts.slice(2)
}

async function sizeOf(path: string): Promise<number> {
  const found = await readdir(path, { recursive: true, withFileTypes: true })
  const files = found.filter((entry) => entry.isFile()).map((entry) => stat(join(entry.parentPath, entry.name)))
  return (await Promise.all(files)).reduce((total, { size }) => total + size, 0)
}
