import { parseArgs } from 'node:util'
import { Fault } from '../../../spec/fault.ts'
import { packageVersion, version } from './build.ts'

const byItself = `npm install --no-save --save-prod @tensorflow/tfjs-node@${packageVersion}`

export const help = `npm run setup:tensorflow -- [--gpu] [--force] [--help]

Installs TensorFlow for the device "tensorflow", on Linux x86-64:
  1. @tensorflow/tfjs-node ${packageVersion} into node_modules, by npm; package.json and its lock stay as they are
  2. TensorFlow's C library ${version} out of Python's package tensorflow-cpu, by pip; Python does not run it
  3. the addon that ties the two together, by the C++ compiler
  4. a check: it multiplies two matrices in a new process
It needs Python 3 with pip, a C++ compiler and 2 GB of disk (1.1 GB once done), and reaches no host but the package
registries of npm and pip. Run again, it does only what is missing. npm ci and npm install remove what package.json
does not list: run it again after them.

  --gpu    for NVIDIA GPUs: @tensorflow/tfjs-node-gpu, Python's package tensorflow and the CUDA libraries that it asks
           for: 3.4 GB to download, 5.7 GB on disk, 9 GB while it works. The GPU's driver must be there. Untested on a
           GPU: tried only as far as loading it on a machine without one.
  --force  do it all again
  --help   this text

On macOS and Windows, the package's own installer downloads the library:
  ${byItself}`

export interface SetupOptions {
  readonly gpu: boolean
  readonly force: boolean
  readonly help: boolean
}

/** Fault `SETUP_OPTION_UNKNOWN`. */
export function parseOptions(args: readonly string[]): SetupOptions {
  const option = { type: 'boolean', default: false } as const
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { gpu: option, force: option, help: { ...option, short: 'h' } },
    })
    return { gpu: values.gpu === true, force: values.force === true, help: values.help === true }
  } catch (cause) {
    throw new Fault('SETUP_OPTION_UNKNOWN', `${(cause as Error).message}\n\n${help}`, { cause })
  }
}

export interface Machine {
  readonly platform: string
  readonly arch: string
  /** Of GNU's C library; undefined where another one is used. */
  readonly glibc: string | undefined
}

/** Fault `SETUP_PLATFORM_UNSUPPORTED`. */
export function requirePlatform({ platform, arch, glibc }: Machine): void {
  const refuse = (reason: string) => {
    throw new Fault('SETUP_PLATFORM_UNSUPPORTED', `This sets TensorFlow up on Linux x86-64 only; ${reason}`)
  }
  if (platform !== 'linux' || arch !== 'x64') {
    refuse(`on ${platform} ${arch}, let the package's own installer download the library: ${byItself}`)
  }
  if (glibc === undefined) {
    refuse('there is no TensorFlow for the C library here (Alpine?): use a system with the GNU C library, like Debian.')
  }
}
