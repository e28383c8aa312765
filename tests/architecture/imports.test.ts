import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..', '..')
const layers = ['models', 'pipelines', 'services'] as const
type Layer = (typeof layers)[number]

const sources = layers.flatMap((layer) =>
  readdirSync(join(root, layer), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join(layer, file)),
)
const textOf = (file: string) => readFileSync(join(root, file), 'utf8')
/** Code alone: words of comments are free. */
const codeOf = (file: string) => textOf(file).replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
const importsOf = (file: string): string[] =>
  [...textOf(file).matchAll(/^(?:import|export)\s[^'"=]*?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/gm)].map(
    (match) => match[1] ?? match[2]!,
  )
const layerOf = (path: string): Layer | undefined => layers.find((layer) => path.startsWith(`${layer}/`))
const reached = (file: string, specifier: string) => relative(root, join(root, dirname(file), specifier))

test('imports point one way: models <- pipelines <- services', () => {
  const allowed: Record<Layer, readonly Layer[]> = {
    models: ['models'],
    pipelines: ['models', 'pipelines'],
    services: ['models', 'pipelines', 'services'],
  }
  for (const file of sources) {
    for (const specifier of importsOf(file).filter((each) => each.startsWith('.'))) {
      const target = layerOf(reached(file, specifier))
      assert.ok(
        target !== undefined && allowed[layerOf(file)!].includes(target),
        `${file} imports ${specifier}: ${layerOf(file)} may import only ${allowed[layerOf(file)!].join(', ')}. ` +
          'Way out: take what it needs as an argument, through a port that the lower layer defines.',
      )
    }
  }
})

test('no two files import each other in a circle', () => {
  const edges = new Map(
    sources.map((file) => [
      file,
      importsOf(file)
        .filter((each) => each.startsWith('.'))
        .map((specifier) => reached(file, specifier)),
    ]),
  )
  const done = new Set<string>()
  const visit = (file: string, trail: readonly string[]): void => {
    assert.ok(
      !trail.includes(file),
      `a circle of imports: ${[...trail, file].join(' -> ')}. Way out: move what both need into a third file.`,
    )
    if (done.has(file)) return
    for (const next of edges.get(file) ?? []) visit(next, [...trail, file])
    done.add(file)
  }
  for (const file of sources) visit(file, [])
})

const forbidden: readonly { layers: readonly Layer[]; except: RegExp; pattern: RegExp; wayOut: string }[] = [
  {
    layers: ['models', 'pipelines'],
    except: /^models\/engine\/|^$/,
    pattern:
      /from '(?:node:(?:fs|net|http|child_process|worker_threads|os|dgram)[^']*|pg|kafkajs|fastify|onnxruntime-node)'/,
    wayOut: 'I/O belongs to services/adapters; define a port and take it as an argument.',
  },
  {
    layers: ['models', 'pipelines'],
    // TensorFlow takes its number of threads from the environment only.
    except: /^models\/engine\/tensorflow\/library\.ts$/,
    pattern: /\bMath\.random\(|\bDate\.now\(|\bnew Date\(\)|\bprocess\.env\b|\bperformance\.now\(/,
    wayOut: 'Time, randomness and the environment are arguments; only services read them.',
  },
  {
    layers: ['models', 'pipelines', 'services'],
    except: /^$/,
    pattern: /^export default|\bas any\b|:\s*any\b|^(?:export )?(?:const )?enum |^export \* from/m,
    wayOut: 'Named exports of plain, typed data and functions only.',
  },
]

test('each layer touches only what it may', () => {
  for (const file of sources) {
    for (const rule of forbidden.filter(
      ({ layers, except }) => layers.includes(layerOf(file)!) && !except.test(file),
    )) {
      const found = rule.pattern.exec(codeOf(file))
      assert.ok(found === null, `${file} has ${JSON.stringify(found?.[0])}. Way out: ${rule.wayOut}`)
    }
  }
})

test('files stay small enough to read: 300 lines of source, 400 of a test', () => {
  const tests = readdirSync(join(root, 'tests'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join('tests', file))
  for (const file of [...sources, ...tests]) {
    const lines = textOf(file).split('\n').length - 1
    const most = file.startsWith('tests/') ? 400 : 300
    assert.ok(lines <= most, `${file} has ${lines} lines, more than ${most}. Way out: split it at its second noun.`)
  }
})

test('the top level holds only what each name means', () => {
  const known = new Set([
    ...[
      'models',
      'pipelines',
      'services',
      'migrations',
      'openapi',
      'tests',
      'docker',
      'package.json',
      'package-lock.json',
    ],
    ...[
      'README.md',
      'CONTRIBUTING.md',
      'LICENSE',
      'tsconfig.json',
      'biome.json',
      '.npmrc',
      '.gitignore',
      '.git',
      '.ci',
    ],
    ...['node_modules', '.polyrank', 'polyrank.config.ts', '.gitattributes'],
  ])
  for (const entry of readdirSync(root))
    assert.ok(known.has(entry), `${entry} at the top level: put it into a folder it belongs to`)
})

test('no folder is named after nothing', () => {
  for (const file of sources) assert.doesNotMatch(file, /\/(?:utils?|common|helpers?|lib|misc|shared)\//)
})
