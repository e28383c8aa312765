import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Command } from 'commander'
import { deadLettersCommand } from '../../../services/cli/dead-letters.ts'
import { doctorCommand } from '../../../services/cli/doctor.ts'
import { evaluateCommand } from '../../../services/cli/evaluate.ts'
import { eventsCommand } from '../../../services/cli/events.ts'
import { importCommand } from '../../../services/cli/import.ts'
import { jobsCommand } from '../../../services/cli/jobs.ts'
import { freePort } from '../../flows/process.ts'
import { aJob, fakeService, polyrank, run } from './command-line.ts'

const commandsOf = (command: Command, path: readonly string[] = []): (readonly string[])[] => [
  path,
  ...command.commands.flatMap((each) => commandsOf(each, [...path, each.name()])),
]

test('the help of every command says what it does and shows lines to copy', async (t) => {
  const commands = [jobsCommand, evaluateCommand, doctorCommand, eventsCommand, deadLettersCommand, importCommand]
  for (const make of commands) {
    for (const path of commandsOf(make())) {
      const { output, code } = await run(t, make(), ...path, '--help')
      const name = [make().name(), ...path].join(' ')
      assert.equal(code, 0, name)
      assert.match(output, new RegExp(`^Usage: ${name}`), name)
      assert.match(
        output.slice(output.indexOf('Examples:')),
        new RegExp(`^Examples:\n(  .*\n)*  .*polyrank ${name}`),
        name,
      )
    }
  }
})

test('the program and its start explain themselves, the settings included', async () => {
  const [program, start] = await Promise.all([polyrank(['--help']), polyrank(['start', '--help'])])

  assert.deepEqual([program.code, start.code], [0, 0])
  for (const command of ['start', 'jobs', 'events', 'dead-letters', 'import', 'evaluate', 'doctor', 'Examples:'])
    assert.ok(program.output.includes(command), command)
  for (const name of ['PORT', 'HOST', 'POLYRANK_DATA', 'LOG_LEVEL', 'polyrank.config.ts', 'Examples:'])
    assert.ok(start.output.includes(name), name)
})

test('what a command does not know is refused, with the help beside it', async (t) => {
  for (const [command, ...words] of [
    [evaluateCommand(), '--levels', 'A'],
    [evaluateCommand(), '--level', 'C'],
    [evaluateCommand(), '--seeds', '0'],
    [evaluateCommand(), '--architecture', 'deep'],
    [evaluateCommand(), '--device', 'auto'],
    [doctorCommand(), '--fix'],
    [jobsCommand(), 'train', '--now'],
    [jobsCommand(), 'show'],
    [jobsCommand(), 'dance'],
    [eventsCommand(), 'send'],
    [deadLettersCommand(), 'edit'],
    [importCommand(), 'a.csv'],
    [importCommand(), 'a.csv', '--source', 's', '--type', 'click'],
    [importCommand(), 'a.csv', '--source', 's', '--time-unit', 'h'],
  ] as const) {
    const { errors, code } = await run(t, command, ...words)
    assert.equal(code, 1, words.join(' '))
    assert.match(errors, /^error: .*\n(.*\n)*Usage: /, words.join(' '))
  }
})

test('the process exits 1 for an unknown option, a failed job and a service that is not there', async () => {
  const failed = aJob({ state: 'failed', result: null, fault: { code: 'TRAINING_NO_EXAMPLES', message: 'None.' } })
  const { url } = await fakeService(() => ({ body: failed }))
  const silent = `http://127.0.0.1:${await freePort()}`

  const [unknown, job, nobody] = await Promise.all([
    polyrank(['start', '--fast']),
    polyrank(['jobs', 'train', '--url', url]),
    polyrank(['jobs', 'list'], { POLYRANK_URL: silent }),
  ])

  assert.deepEqual([unknown.code, job.code, nobody.code], [1, 1, 1])
  assert.match(unknown.errors, /unknown option '--fast'/)
  assert.match(job.output, /^job-1 {2}failed {2}TRAINING_NO_EXAMPLES: None\.$/m)
  assert.match(nobody.errors, /^polyrank: No service answers at .* \[SERVICE_UNREACHABLE\]$/m)
  assert.equal(nobody.output, '')
})
