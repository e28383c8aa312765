/** `npm run setup:tensorflow`: TensorFlow for the engine's device `tensorflow`, out of package registries alone. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { Fault } from '../../../spec/fault.ts'
import type { Run } from './build.ts'
import { setUp } from './installation.ts'
import { help, parseOptions, requirePlatform } from './options.ts'

const run: Run = (command, args, { folder, show = false } = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: folder, stdio: ['ignore', show ? 'inherit' : 'pipe', 'pipe'] })
    let [printed, complaints] = ['', '']
    child.stdout?.on('data', (data) => {
      printed += data
    })
    child.stderr?.on('data', (data) => {
      complaints += data
    })
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) return resolve(printed)
      const said = complaints.trim().split('\n').slice(-20).join('\n')
      const ran = [command, ...args].filter((word) => !word.includes('\n')).join(' ')
      reject(new Fault('SETUP_STEP_FAILED', `This failed: ${ran}\n${said}`))
    })
  })

/** GNU's C library tells its version in the process's report. */
function glibcVersion(): string | undefined {
  const { header } = process.report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } }
  return header?.glibcVersionRuntime
}

try {
  const options = parseOptions(process.argv.slice(2))
  if (options.help) console.log(help)
  else {
    requirePlatform({ platform: process.platform, arch: process.arch, glibc: glibcVersion() })
    await setUp(options, { root: join(import.meta.dirname, '..', '..', '..', '..'), run, say: console.log })
  }
} catch (error) {
  if (!(error instanceof Fault)) throw error
  console.error(error.message)
  process.exitCode = 1
}
