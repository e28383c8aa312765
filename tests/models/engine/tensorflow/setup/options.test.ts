import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseOptions, requirePlatform } from '../../../../../models/engine/tensorflow/setup/options.ts'

const linux = { platform: 'linux', arch: 'x64', glibc: '2.36' }

test('setup is for the processor and does only what is missing unless told otherwise', () => {
  assert.deepEqual(parseOptions([]), { gpu: false, force: false, help: false })
  assert.deepEqual(parseOptions(['--gpu', '--force']), { gpu: true, force: true, help: false })
  assert.deepEqual(parseOptions(['-h']), { gpu: false, force: false, help: true })
})

test('an unknown option is refused with the help', () => {
  for (const args of [['--cuda'], ['gpu'], ['--gpu=no']]) {
    assert.throws(() => parseOptions(args), { code: 'SETUP_OPTION_UNKNOWN', message: /setup:tensorflow -- \[--gpu\]/ })
  }
})

test('setup runs on Linux x86-64 with the GNU C library, and says the way out elsewhere', () => {
  const refusal = (message: RegExp) => ({ code: 'SETUP_PLATFORM_UNSUPPORTED', message })

  requirePlatform(linux)
  assert.throws(
    () => requirePlatform({ platform: 'darwin', arch: 'arm64', glibc: undefined }),
    refusal(/darwin arm64.*npm install --no-save --save-prod @tensorflow\/tfjs-node@/),
  )
  assert.throws(() => requirePlatform({ ...linux, platform: 'win32' }), refusal(/win32 x64.*npm install/))
  assert.throws(() => requirePlatform({ ...linux, arch: 'arm64' }), refusal(/linux arm64.*npm install/))
  assert.throws(() => requirePlatform({ ...linux, glibc: undefined }), refusal(/GNU C library/))
})

test('the command prints its help, and a refusal without a stack', () => {
  const setup = join(
    import.meta.dirname,
    '..',
    '..',
    '..',
    '..',
    '..',
    'models',
    'engine',
    'tensorflow',
    'setup',
    'main.ts',
  )
  const run = (arg: string) =>
    execFileSync(process.execPath, ['--import', 'tsx', setup, arg], { encoding: 'utf8', stdio: 'pipe' })

  assert.match(run('--help'), /^npm run setup:tensorflow/)
  assert.throws(
    () => run('--cuda'),
    ({ status, stderr }: { status: number; stderr: string }) =>
      status === 1 && stderr.startsWith("Unknown option '--cuda'"),
  )
})
