import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../../spec/fault.ts'
import { addonPath } from '../library.ts'

/** Runs a command and returns what it printed, or shows it; rejects where it is not there or fails. */
export type Run = (
  command: string,
  args: readonly string[],
  options?: { readonly folder?: string; readonly show?: boolean },
) => Promise<string>

export const packageVersion = '4.22.0'
/** The library as Python's wheels have it: the one place in the package registries that holds it. */
export const version = '2.21.0'
/** One of the wheels that there are. The library in it is the same for each Python, and needs none to run. */
const python = ['--only-binary=:all:', '--python-version=3.12', '--implementation=cp', '--abi=cp312']
const platforms = ['manylinux_2_27_x86_64', 'manylinux2014_x86_64'].map((name) => `--platform=${name}`)

const unpack = `
import fnmatch, os, sys, zipfile
folder, patterns, *wheels = sys.argv[1:]
for wheel in wheels:
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if any(fnmatch.fnmatchcase(entry.filename, pattern) for pattern in patterns.split()):
                path = archive.extract(entry, folder)
                # CUDA's wheels have programs among the libraries.
                if entry.external_attr >> 16 & 0o100: os.chmod(path, 0o755)
`
/** Wheels of the CUDA libraries that go with the one in the folder. */
const cudaOf = `
import importlib.metadata, sys
from pathlib import Path
metadata, = Path(sys.argv[1]).glob('tensorflow-*.dist-info')
for line in importlib.metadata.PathDistribution(metadata).requires:
    requirement, _, condition = line.partition(';')
    if 'and-cuda' in condition: print(requirement.strip())
`
const parts = [
  'tensorflow/libtensorflow_cc.so.2',
  'tensorflow/libtensorflow_framework.so.2',
  'tensorflow/include/tensorflow/c/*.h',
  'tensorflow/include/*/tsl/c/*.h',
  'tensorflow/include/*/platform/ctstring*.h',
  'nvidia/*',
  // Names, versions and licences.
  '*.dist-info/*',
].join(' ')

/** Downloads the library into the folder as wheels lay it out: libraries find each other by this. */
export async function fetchLibrary(run: Run, folder: string, { gpu }: { readonly gpu: boolean }): Promise<void> {
  const wheels = join(folder, 'wheels')
  const download = async (requirements: readonly string[]) => {
    const bare = ['--disable-pip-version-check', '--no-cache-dir', '--no-deps']
    const args = [...bare, ...python, ...platforms, `--dest=${wheels}`, ...requirements]
    await run('python3', ['-m', 'pip', 'download', ...args], { show: true })
    const files = (await readdir(wheels)).map((file) => join(wheels, file))
    await run('python3', ['-c', unpack, folder, parts, ...files])
    await rm(wheels, { recursive: true })
  }
  await download([`${gpu ? 'tensorflow' : 'tensorflow-cpu'}==${version}`])
  if (gpu) await download((await run('python3', ['-c', cudaOf, folder])).trim().split('\n'))
}

/**
 * Builds the package's addon, its two source files, against the library in its `deps` folder. The interface between it and
 * Node is stable, so that one build loads in every version; Node's own build tool would ask nodejs.org for headers.
 */
export async function buildAddon(run: Run, compiler: string, folder: string, headers: string): Promise<void> {
  const library = join('deps', 'tensorflow')
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((file) => join('binding', file))
  const flags = ['-shared', '-fPIC', '-O2', '-std=c++17', '-w', '-DNAPI_VERSION=8', '-DBUILDING_NODE_EXTENSION']
  const includes = ['..', headers, join(library, 'include')].map((path) => `-I${path}`)
  const links = [`-L${library}`, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2']
  const found = ['-Wl,-rpath,$ORIGIN/../../deps/tensorflow']
  const built = `${addonPath}.new`
  await mkdir(join(folder, addonPath, '..'), { recursive: true })
  await run(compiler, [...flags, ...includes, ...sources, '-o', built, ...links, ...found], { folder })
  await rename(join(folder, built), join(folder, addonPath))
}

/** The first C++ compiler there is. Fault `SETUP_TOOL_MISSING` also where Python's pip is not. */
export async function findTools(run: Run): Promise<{ readonly compiler: string }> {
  const works = (command: string, args: readonly string[]) =>
    run(command, args).then(
      () => true,
      () => false,
    )
  if (!(await works('python3', ['-m', 'pip', '--version']))) {
    throw new Fault(
      'SETUP_TOOL_MISSING',
      '`python3 -m pip` does not run; TensorFlow is downloaded by it. Install Python 3 with pip (Debian, Ubuntu: `apt-get install python3-pip`; ' +
        'Fedora: `dnf install python3-pip`) and run this again.',
    )
  }
  for (const compiler of ['g++', 'c++', 'clang++']) if (await works(compiler, ['--version'])) return { compiler }
  throw new Fault(
    'SETUP_TOOL_MISSING',
    'There is no C++ compiler (g++, c++ or clang++). Install one (Debian, Ubuntu: `apt-get install g++`; Fedora: `dnf install gcc-c++`) and run this again.',
  )
}
