import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { kuairandCounters } from '../../../models/presets/kuairand.ts'
import { defaultEngine } from '../../../models/spec/engine-settings.ts'
import type { Fault } from '../../../models/spec/fault.ts'
import { defaultEvents } from '../../../pipelines/ingest/event-settings.ts'
import { loadConfig } from '../../../services/standalone/load-config.ts'
import { temporaryFolder } from '../../flows/process.ts'

const root = temporaryFolder()
let folders = 0
/** A folder with a configuration of its own: what is imported once is not read again. */
function folderWith(config: string | null, packageJson: string | null = null): string {
  const folder = join(root, String(folders++))
  mkdirSync(folder)
  if (config !== null) writeFileSync(join(folder, 'polyrank.config.ts'), config)
  if (packageJson !== null) writeFileSync(join(folder, 'package.json'), packageJson)
  return folder
}
const defineRanker = JSON.stringify(join(import.meta.dirname, '..', '..', '..', 'models', 'spec', 'define-ranker.ts'))
const minimal = (name: string) => `defineRanker({
  name: ${JSON.stringify(name)},
  features: [{ kind: 'categorical', name: 'itemId', scope: 'item', rows: { buckets: 8 } }],
  tasks: [{ name: 'click', label: { rule: 'happened', kind: 'click' }, windowMs: 0 }],
})`
const config = (...rankers: readonly string[]) =>
  `import { defineRanker } from ${defineRanker}\nexport const rankers = [${rankers.join()}]\n`

async function refusal(folder: string): Promise<Pick<Fault, 'code' | 'message' | 'path'>> {
  const fault = await loadConfig(folder).then(
    () => assert.fail('it loaded'),
    (error) => error,
  )
  assert.equal(fault.name, 'Fault', fault.stack)
  assert.ok(fault.message.startsWith(join(folder, 'polyrank.config.ts')), fault.message)
  return fault
}

test('without a configuration the ranker of the bundled sample is there', async () => {
  assert.deepEqual(await loadConfig(folderWith(null)), {
    rankers: [kuairandCounters],
    engine: defaultEngine,
    events: defaultEvents,
    from: { kind: 'sample' },
  })
})

test('the rankers of a configuration are loaded, whether its folder is a package or not', async () => {
  for (const packageJson of [null, '{"type": "module"}', '{"type": "commonjs"}']) {
    const folder = folderWith(config(minimal('home'), minimal('search')), packageJson)

    const { rankers, from } = await loadConfig(folder)

    assert.deepEqual(
      rankers.map(({ name }) => name),
      ['home', 'search'],
    )
    assert.deepEqual(from, { kind: 'file', path: join(folder, 'polyrank.config.ts') })
  }
})

test('a configuration that exports no rankers is refused with what to export', async () => {
  for (const text of [
    '',
    'export default []\n',
    'export const rankers = []\n',
    'export const rankers = {}\n',
    'export const ranker = 1\n',
  ]) {
    const folder = folderWith(text)
    const { code, message, path } = await refusal(folder)
    assert.deepEqual([code, path], ['CONFIG_INVALID', join(folder, 'polyrank.config.ts')])
    assert.match(message, /export const rankers = \[defineRanker\(\{ \.\.\. \}\)\]/)
  }
})

test('an entry that defineRanker did not make is named by its place', async () => {
  for (const entry of ['null', '7', '{ name: "home" }', '{ name: "home", features: [], tasks: [] }']) {
    const { code, message } = await refusal(folderWith(config(minimal('home'), entry)))
    assert.equal(code, 'CONFIG_INVALID')
    assert.match(message, /rankers\[1\] is not what `defineRanker` returns/)
  }
})

test('two rankers of one name are refused', async () => {
  const { code, message } = await refusal(folderWith(config(minimal('home'), minimal('search'), minimal('home'))))

  assert.equal(code, 'CONFIG_INVALID')
  assert.match(message, /two rankers are named "home"/)
})

test('a configuration that is not TypeScript is refused with file, line and what is wrong', async () => {
  const folder = folderWith("export const rankers = [\n  { name: 'home'\n  oops\n]\n")

  const { code, message } = await refusal(folder)

  assert.equal(code, 'CONFIG_INVALID')
  assert.match(message, /polyrank\.config\.ts:3:2: ERROR: Expected "\}" but found "oops"/)
})

test('a configuration that throws, or imports what is not there, is refused with the reason', async () => {
  const throwing = await refusal(
    folderWith('const nothing = undefined as never\nexport const rankers = [nothing.name]\n'),
  )
  const missing = await refusal(folderWith("import { home } from './home.ts'\nexport const rankers = [home]\n"))

  assert.equal(throwing.code, 'CONFIG_INVALID')
  assert.match(throwing.message, /Cannot read properties of undefined/)
  assert.equal(missing.code, 'CONFIG_INVALID')
  assert.match(missing.message, /Cannot find module '\.\/home\.ts'/)
})

test('a fault of defineRanker is passed on with the file and the place in the ranker', async () => {
  for (const packageJson of [null, '{"type": "module"}']) {
    const folder = folderWith(config(minimal('home'), minimal('a b')), packageJson)

    const { code, message, path } = await refusal(folder)

    assert.deepEqual([code, path], ['RANKER_DEFINITION_INVALID', '/name'])
    assert.match(message, /at \/name of the ranker: The ranker's name "a b" must be/)
  }
})

test('the engine is what the file exports beside its rankers, completed', async () => {
  const engine = "export const engine = { training: { device: 'auto' }, serving: { threads: 2 } }\n"
  for (const packageJson of [null, '{"type": "module"}', '{"type": "commonjs"}']) {
    const loaded = await loadConfig(folderWith(`${config(minimal('home'))}${engine}`, packageJson))

    assert.deepEqual([loaded.rankers[0]!.name, loaded.from.kind], ['home', 'file'])
    assert.deepEqual(loaded.engine, {
      training: { ...defaultEngine.training, device: 'auto' },
      serving: { ...defaultEngine.serving, threads: 2 },
    })
  }
})

test('a file that exports the engine alone leaves the sample what is ranked', async () => {
  for (const packageJson of [null, '{"type": "module"}', '{"type": "commonjs"}']) {
    const folder = folderWith("export const engine = { training: { device: 'tensorflow' } }\n", packageJson)

    const { rankers, engine, from } = await loadConfig(folder)

    assert.deepEqual([rankers, from], [[kuairandCounters], { kind: 'sample' }])
    assert.equal(engine.training.device, 'tensorflow')
  }
})

test('how long events are waited for and kept is what the file exports as `events`, completed', async () => {
  const events = "export const events = { late: 'ignore', eventDays: 30 }\n"
  for (const rankers of [config(minimal('home')), '', 'export const engine = {}\n']) {
    const loaded = await loadConfig(folderWith(`${rankers}${events}`))

    assert.deepEqual(loaded.events, { ...defaultEvents, late: 'ignore', eventDays: 30 })
    assert.equal(loaded.from.kind, rankers.includes('rankers') ? 'file' : 'sample')
  }
})

test('a wrong value of the events is refused with the file and its path', async () => {
  const { code, message, path } = await refusal(folderWith('export const events = { orphanDays: 0 }\n'))

  assert.deepEqual([code, path], ['CONFIG_INVALID', 'events.orphanDays'])
  assert.match(message, /events\.orphanDays is 0; it must be a whole number of at least 1\.$/)
})

test('rankers under a name that is none are missed, also beside an engine', async () => {
  const { code, message } = await refusal(folderWith('export const engine = {}\nexport const ranker = []\n'))

  assert.equal(code, 'CONFIG_INVALID')
  assert.match(message, /it must export `rankers`/)
})

test('a wrong value of the engine is refused with the file, its path and what is allowed', async () => {
  const { code, message, path } = await refusal(
    folderWith(`${config(minimal('home'))}export const engine = { training: { device: 'gpu' } }\n`),
  )

  assert.deepEqual([code, path], ['CONFIG_INVALID', 'engine.training.device'])
  assert.match(
    message,
    /config\.ts: engine\.training\.device is "gpu"; it must be one of cpu, tensorflow, webgpu, auto\.$/,
  )
})
