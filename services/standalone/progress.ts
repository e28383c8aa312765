import cliProgress from 'cli-progress'

/** Shows how far long work is: a bar on a terminal, else a line now and then. */
export interface ProgressView {
  /** Starts or goes on with a stage; another name ends the one before. */
  show(stage: string, done: number, of: number, note?: string): void
  /** A line of its own. */
  say(line: string): void
  end(): void
}

type Stream = Pick<NodeJS.WriteStream, 'write'> & { readonly isTTY?: boolean }

const lineEvery = 0.25

export const createProgressView = (stream: Stream): ProgressView =>
  stream.isTTY === true ? createBar(stream as NodeJS.WriteStream) : createLines(stream)

function createBar(stream: NodeJS.WriteStream): ProgressView {
  let bar: cliProgress.SingleBar | null = null
  let current = ''
  const end = () => {
    bar?.stop()
    bar = null
    current = ''
  }
  return {
    show(stage, done, of, note = '') {
      if (stage !== current) {
        end()
        bar = new cliProgress.SingleBar({
          stream,
          format: `${stage.padEnd(18)} {bar} {percentage} % · {duration_formatted} {note}`,
          barsize: 28,
          hideCursor: true,
        })
        bar.start(of, 0, { note: '' })
        current = stage
      }
      bar!.setTotal(of)
      bar!.update(Math.min(done, of), { note: note === '' ? '' : `· ${note}` })
    },
    say(line) {
      end()
      stream.write(`${line}\n`)
    },
    end,
  }
}

function createLines(stream: Stream): ProgressView {
  let current = ''
  let next = 0
  return {
    show(stage, done, of, note) {
      const share = of === 0 ? 1 : done / of
      if (stage === current && share < next) return
      current = stage
      next = (Math.floor(share / lineEvery) + 1) * lineEvery
      const counted = of > 1 ? `: ${done.toLocaleString('en')} of ${of.toLocaleString('en')}` : ''
      stream.write(`${stage}${counted}${note === undefined ? '' : ` (${note})`}\n`)
    },
    say(line) {
      current = ''
      stream.write(`${line}\n`)
    },
    end() {},
  }
}
