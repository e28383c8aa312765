import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { addonPath } from '../../../../../models/engine/tensorflow/library.ts'
import { packageVersion, type Run, version } from '../../../../../models/engine/tensorflow/setup/build.ts'
import { setUp } from '../../../../../models/engine/tensorflow/setup/installation.ts'

const roots: string[] = []
after(() => Promise.all(roots.map((root) => rm(root, { recursive: true }))))

const write = async (path: string, text = '') => {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, text)
}
const optionOf = (args: readonly string[], option: string) =>
  args.find((arg) => arg.startsWith(`${option}=`))?.slice(option.length + 1)

interface Machine {
  /** Words of commands that fail here. */
  readonly broken?: string[]
  readonly notes?: readonly string[]
}

/** A machine whose commands leave the files that the real ones leave, and nothing in them. */
async function machine({ broken = [], notes = [] }: Machine = {}) {
  const root = await mkdtemp(join(tmpdir(), 'polyrank-setup-'))
  roots.push(root)
  await mkdir(join(root, 'node_modules'))
  const ran: string[] = []
  const said: string[] = []
  const run: Run = async (command, args, { folder = root } = {}) => {
    const words = [command, ...args]
    if (broken.some((word) => words.includes(word))) throw new Error(`${words.join(' ')} failed`)
    const last = args.at(-1)!
    if (args[0] === '-c' && args.length === 3) return 'nvidia-one<2\nnvidia-two\n'
    if (last === '--version') return ''
    if (command === 'npm' && last.startsWith('@')) {
      ran.push(`npm ${last}`)
      await write(
        join(root, 'node_modules', last.replace(/@[^@]*$/, ''), 'package.json'),
        JSON.stringify({ version: packageVersion }),
      )
    } else if (args.includes('download')) {
      const wanted = args.filter((arg) => /^(tensorflow|nvidia)/.test(arg))
      ran.push(`pip ${wanted.join(' ')}`)
      for (const name of wanted)
        await write(join(optionOf(args, '--dest')!, `${name.replace('==', '-').replace('-cpu', '_cpu')}.whl`))
    } else if (args[0] === '-c') {
      for (const wheel of args.slice(4)) {
        const name = wheel
          .split('/')
          .at(-1)!
          .replace(/\.whl$/, '')
        await write(join(args[2]!, `${name}.dist-info`, 'METADATA'), 'x'.repeat(1_000_000))
      }
    } else if (args.includes('-o')) {
      ran.push(command)
      await write(join(folder, args[args.indexOf('-o') + 1]!))
    } else if (last.endsWith('check.ts')) {
      ran.push('check')
      return JSON.stringify({
        about: { runtime: `TensorFlow ${version}`, hardware: 'x', notes },
        xla: true,
        gpu: false,
      })
    }
    return ''
  }
  const set = (options: { readonly gpu?: boolean; readonly force?: boolean } = {}) => {
    ran.length = 0
    said.length = 0
    return setUp({ gpu: false, force: false, help: false, ...options }, { root, run, say: (line) => said.push(line) })
  }
  return { packages: join(root, 'node_modules'), ran, said, set }
}

const everything = [`npm @tensorflow/tfjs-node@${packageVersion}`, `pip tensorflow-cpu==${version}`, 'g++', 'check']

test('a first setup installs, downloads, builds and checks, and leaves nothing else behind', async () => {
  const { packages, ran, said, set } = await machine({ notes: ['It is slow.'] })

  await set()

  assert.deepEqual(ran, everything)
  assert.deepEqual(await readdir(packages), ['@tensorflow'])
  assert.ok(existsSync(join(packages, '@tensorflow/tfjs-node', addonPath)))
  assert.deepEqual(
    said.slice(0, 4).map((line) => line.slice(0, 3)),
    ['1/4', '2/4', '3/4', '4/4'],
  )
  assert.deepEqual(said.slice(4), [
    `TensorFlow ${version} works on the processor, with XLA, its compiler.`,
    'Note: It is slow.',
    'It takes 1 MB in node_modules/@tensorflow/tfjs-node.',
  ])
})

test('what a setup that was cut off left is cleared away', async () => {
  const { packages, ran, set } = await machine()
  await write(join(packages, '.setup-tensorflow', 'deps', 'wheels', 'half.whl'))

  await set()

  assert.deepEqual(ran, everything)
  assert.deepEqual(await readdir(packages), ['@tensorflow'])
  assert.ok(!existsSync(join(packages, '@tensorflow/tfjs-node/deps/half.dist-info')))
})

test('a second setup only checks, and says that all is there', async () => {
  const { ran, said, set } = await machine()

  await set()
  await set()

  assert.deepEqual(ran, ['check'])
  assert.match(said[0]!, /is there already/)
})

test('what is missing is done, with all that depends on it', async () => {
  const { packages, ran, set } = await machine()
  const at = (path: string) => join(packages, '@tensorflow', 'tfjs-node', path)
  await set()

  await rm(at(addonPath))
  await set()
  assert.deepEqual(ran, everything.slice(2))

  await rm(at('deps'), { recursive: true })
  await set()
  assert.deepEqual(ran, everything.slice(1))

  await write(at('package.json'), '{"version":"4.0.0"}')
  await set()
  assert.deepEqual(ran, everything)

  await set({ force: true })
  assert.deepEqual(ran, everything)
})

test('a download that fails leaves nothing half done, and a later setup goes on from there', async () => {
  const broken = ['download']
  const { packages, ran, set } = await machine({ broken })

  await assert.rejects(set(), /download/)
  assert.deepEqual(await readdir(packages), ['@tensorflow'])
  assert.ok(!existsSync(join(packages, '@tensorflow/tfjs-node/deps')))

  broken.length = 0
  await set()
  assert.deepEqual(ran, everything.slice(1))
})

test('for GPUs, it downloads the other package and wheel, and the CUDA libraries that the wheel asks for', async () => {
  const { packages, ran, set } = await machine()

  await set({ gpu: true })

  assert.deepEqual(ran, [
    `npm @tensorflow/tfjs-node-gpu@${packageVersion}`,
    `pip tensorflow==${version}`,
    'pip nvidia-one<2 nvidia-two',
    'g++',
    'check',
  ])
  assert.ok(existsSync(join(packages, '@tensorflow/tfjs-node-gpu', addonPath)))
})

test('another compiler does where g++ is not, and none at all is a fault before anything is downloaded', async () => {
  const clang = await machine({ broken: ['g++', 'c++'] })
  const none = await machine({ broken: ['g++', 'c++', 'clang++'] })

  await clang.set()
  await assert.rejects(none.set(), { code: 'SETUP_TOOL_MISSING', message: /C\+\+ compiler.*apt-get install g\+\+/ })

  assert.ok(clang.ran.includes('clang++'))
  assert.deepEqual(none.ran, [])
})

test('without pip, the fault says how to get it', async () => {
  const { ran, set } = await machine({ broken: ['pip'] })

  await assert.rejects(set(), { code: 'SETUP_TOOL_MISSING', message: /pip.*apt-get install python3-pip/ })

  assert.deepEqual(ran, [])
})
