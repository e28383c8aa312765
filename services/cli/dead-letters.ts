import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { Fault } from '../../models/spec/fault.ts'
import type { EventOutcome } from '../../pipelines/ingest/ingest.ts'
import type { LetterBody, LetterWithPayloadBody } from '../ranker/routes/dead-letters.ts'
import { editText } from './editor.ts'
import { call, examples, type ServiceOptions, serviceCommand } from './service-client.ts'

interface Chosen {
  readonly all?: true
  readonly code?: string
}

/** Events that were set aside, of a running service. */
export function deadLettersCommand(): Command {
  const letters = new Command('dead-letters')
    .description('events that were set aside: look at them, mend them, take them once more')
    .showHelpAfterError()
    .addHelpText('after', examples('polyrank dead-letters list', 'polyrank dead-letters edit 7'))
  const command = serviceCommand(letters)
  command(
    'list',
    'those that wait for somebody, newest first, a hundred at a time',
    'polyrank dead-letters list',
    'polyrank dead-letters list --code EVENT_FIELD_MISSING --json',
  )
    .option('--code <code>', 'only those with this fault')
    .option('--before <id>', 'only older ones than this', wholeNumber)
    .action(async (options: ServiceOptions & { code?: string; before?: string }) => {
      const page = await pageOf(options, options.code, options.before)
      if (options.json === true) console.log(JSON.stringify(page, null, 2))
      else for (const letter of page) console.log(lineOf(letter))
    })
  command(
    'show <id>',
    'one with its payload',
    'polyrank dead-letters show 7',
    'polyrank dead-letters show 7 --json',
  ).action(async (id: string, options: ServiceOptions) => {
    const letter = await find(options, id)
    if (options.json === true) console.log(JSON.stringify(letter, null, 2))
    else {
      console.log(lineOf(letter))
      console.log(`  ${letter.message}`)
      if (letter.resolution === null) console.log(`\n${letter.payloadText}`)
    }
  })
  command(
    'edit <id>',
    'mend the payload in $EDITOR, or take it from a file, and take the event once more',
    'polyrank dead-letters edit 7',
    'EDITOR="code --wait" polyrank dead-letters edit 7',
    'polyrank dead-letters edit 7 --file mended.json',
  )
    .option('--file <file>', 'with the mended event')
    .action(async (id: string, options: ServiceOptions & { file?: string }) => {
      const bytes = options.file === undefined ? await edited(await find(options, id)) : await readFile(options.file)
      if (bytes === null) console.error('Nothing was changed, so nothing is sent.')
      else report([[Number(id), await replay(options, id, Uint8Array.from(bytes))]], options)
    })
  const choosing = (each: Command) =>
    each.option('--all', 'every one that waits').option('--code <code>', 'with --all: only those with this fault')
  choosing(
    command(
      'replay [ids...]',
      'take events once more as they are; exits 1 where one is set aside again',
      'polyrank dead-letters replay 7 9',
      'polyrank dead-letters replay --all --code EVENT_RANKER_UNKNOWN',
    ),
  ).action(async (ids: string[], options: ServiceOptions & Chosen) => {
    const outcomes: (readonly [number, EventOutcome])[] = []
    for (const id of await chosen(ids, options)) {
      const outcome = await unlessEnded(replay(options, String(id)), options)
      if (outcome !== null) outcomes.push([id, outcome])
    }
    report(outcomes, options)
  })
  choosing(
    command(
      'drop [ids...]',
      'let go of events; their payloads are deleted',
      'polyrank dead-letters drop 7 9',
      'polyrank dead-letters drop --all --code EVENT_JSON_INVALID',
    ),
  ).action(async (ids: string[], options: ServiceOptions & Chosen) => {
    const dropped: LetterBody[] = []
    for (const id of await chosen(ids, options)) {
      const ended = await unlessEnded(call<LetterBody>(options, place(String(id)), { method: 'DELETE' }), options)
      if (ended !== null) dropped.push(ended)
    }
    console.log(options.json === true ? JSON.stringify(dropped, null, 2) : `${dropped.length} dropped`)
  })
  return letters
}

const place = (id: string) => `/v1/dead-letters/${encodeURIComponent(id)}`
const find = (options: ServiceOptions, id: string) => call<LetterWithPayloadBody>(options, place(id))
const replay = (options: ServiceOptions, id: string, bytes?: Uint8Array<ArrayBuffer>) =>
  call<EventOutcome>(options, `${place(id)}/replay`, { method: 'POST', ...(bytes === undefined ? {} : { bytes }) })

async function pageOf(options: ServiceOptions, code?: string, before?: string): Promise<readonly LetterBody[]> {
  const query = new URLSearchParams({
    ...(code === undefined ? {} : { code }),
    ...(before === undefined ? {} : { before }),
  }).toString()
  const page = query === '' ? '/v1/dead-letters' : `/v1/dead-letters?${query}`
  return (await call<{ deadLetters: LetterBody[] }>(options, page)).deadLetters
}

/** Oldest first: of several events under one id, the first one that came goes in. */
async function chosen(ids: readonly string[], options: ServiceOptions & Chosen): Promise<readonly number[]> {
  if (ids.length > 0 === (options.all === true) || (options.code !== undefined && options.all !== true)) {
    throw new Fault(
      'ARGUMENT_INVALID',
      'Give the ids of dead letters, or --all, with --code where only some are meant.',
    )
  }
  if (options.all !== true) return ids.map((id) => Number(wholeNumber(id)))
  const found: number[] = []
  for (let before: string | undefined; ; before = String(found.at(-1)!)) {
    const page = await pageOf(options, options.code, before)
    if (page.length === 0) return found.reverse()
    found.push(...page.map(({ id }) => id))
  }
}

/** Of all that wait, some may be ended by somebody else meanwhile: null. */
async function unlessEnded<Answer>(answer: Promise<Answer>, { all }: Chosen): Promise<Answer | null> {
  try {
    return await answer
  } catch (error) {
    if (all === true && error instanceof Fault && error.code === 'DEAD_LETTER_ENDED') return null
    throw error
  }
}

function wholeNumber(text: string): string {
  if (/^\d{1,15}$/.test(text)) return text
  throw new Fault('ARGUMENT_INVALID', `"${text}" is no id of a dead letter; \`polyrank dead-letters list\` has them.`)
}

/** Null where it was left as it was. */
async function edited({ id, payloadBase64, payloadText, resolution }: LetterWithPayloadBody): Promise<Buffer | null> {
  if (resolution !== null)
    throw new Fault('DEAD_LETTER_ENDED', `Dead letter ${id} was ${resolution}; there is nothing to mend.`)
  if (Buffer.from(payloadText, 'utf8').toString('base64') !== payloadBase64) {
    throw new Fault(
      'DEAD_LETTER_NOT_TEXT',
      'Its payload is no UTF-8, and an editor would spoil it. Write the event to a file, and give that with --file.',
    )
  }
  const text = await editText(payloadText, `dead-letter-${id}.json`)
  // Editors end a file with a line end.
  return text.trimEnd() === payloadText.trimEnd() ? null : Buffer.from(text, 'utf8')
}

function lineOf({ id, receivedAt, code, path, source, eventId, resolution }: LetterBody): string {
  const ended = resolution === null ? '' : `  (${resolution})`
  return `${id}  ${receivedAt}  ${code} at ${path || 'the top'}  ${eventId ?? 'no id'}  from ${source}${ended}`
}

function report(outcomes: readonly (readonly [number, EventOutcome])[], { json }: ServiceOptions): void {
  const again = outcomes.filter(([, { outcome }]) => outcome === 'quarantined')
  if (json === true)
    console.log(
      JSON.stringify(
        outcomes.map(([id, outcome]) => ({ id, ...outcome })),
        null,
        2,
      ),
    )
  else {
    for (const [id, { code, path, message }] of again) console.log(`${id}: ${code} at ${path || 'the top'}: ${message}`)
    console.log(`${outcomes.length - again.length} taken, ${again.length} set aside again`)
  }
  if (again.length > 0) process.exitCode = 1
}
