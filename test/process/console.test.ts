import { Writable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import t, { type Test } from 'tap'
import { createConsole, ProgressBar } from '../../src/process/console.ts'
import { LogOutput } from '../../src/process/log-output.ts'

/** A fake standard output; a terminal if it has columns. */
class Output extends Writable {
  readonly isTTY: boolean
  readonly columns: number | undefined
  /** Everything written, including control sequences. */
  text = ''
  writes = 0
  #look = (): void => {}

  constructor (columns?: number) {
    super()
    this.isTTY = columns !== undefined
    this.columns = columns
  }

  override _write (chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk
    this.writes++
    this.#look()
    done()
  }

  /** The visible lines, rendered with carriage returns, erasing of lines and of their ends, and line feeds. */
  get screen (): string[] {
    const lines = ['']
    let column = 0
    // eslint-disable-next-line no-control-regex
    for (const [part] of this.text.matchAll(/\x1b\[\d*[A-Za-z]|\r?\n|[^\x1b\r\n]+/g)) {
      const line = lines.at(-1)!
      if (part === '\x1b[1G') column = 0
      else if (part === '\x1b[2K') lines[lines.length - 1] = ' '.repeat(column)
      else if (part === '\x1b[0K') lines[lines.length - 1] = line.slice(0, column)
      else if (part.endsWith('\n')) column = lines.push('') && 0
      else if (!part.startsWith('\x1b')) {
        lines[lines.length - 1] = line.slice(0, column).padEnd(column) + part + line.slice(column + part.length)
        column += part.length
      }
    }
    return lines.map(line => line.trimEnd())
  }

  /** Resolves once the written text contains this one. */
  holds (text: string): Promise<void> {
    return new Promise(resolve => {
      this.#look = () => { if (stripVTControlCharacters(this.text).includes(text)) resolve() }
      this.#look()
    })
  }

  progressBar (t: Test): ProgressBar {
    return new ProgressBar(this.asStdout, new LogOutput(this.asStdout, message => t.fail(message)))
  }

  get asStdout (): NodeJS.WriteStream { return this as unknown as NodeJS.WriteStream }
}

function progress (done: number, total = 1000, item = 'normalizing') {
  return { stage: 'prepare', item, done, total } as const
}

t.test('without a terminal, the log consists of JSON lines', async t => {
  const output = new Output()
  const { logger } = await createConsole('info', output.asStdout)
  logger.info({ dataset: 'tiny' }, 'ready')
  logger.debug('below the level')
  logger.error(new Error('wrong'))
  const lines = output.text.trimEnd().split('\n').map(line => JSON.parse(line))
  t.match(lines, [{ level: 30, dataset: 'tiny', msg: 'ready' }, { level: 50, msg: 'wrong' }])
  t.equal(lines.length, 2)
})

t.test('without a terminal, progress is one line per tenth', async t => {
  const output = new Output()
  const { report } = await createConsole('info', output.asStdout)
  for (const item of ['denoising', 'normalizing']) {
    for (let done = 0; done <= 1000; done++) report('tiny', progress(done, 1000, item))
  }
  report('other', progress(1000))
  report('other', progress(1000))
  report('other', progress(0, 0, 'nothing to do'))
  const lines = output.text.trimEnd().split('\n').map(line => JSON.parse(line))
  const tenths = Array.from({ length: 11 }, (_, tenth) => 100 * tenth)
  t.same(lines.map(({ dataset, progress: { item, done } }) => [dataset, item, done]), [
    ...tenths.map(done => ['tiny', 'denoising', done]),
    ...tenths.map(done => ['tiny', 'normalizing', done]),
    ['other', 'normalizing', 1000],
    ['other', 'nothing to do', 0]
  ])
  t.match(lines[0], { msg: 'progress', progress: progress(0, 1000, 'denoising') })
  t.notMatch(output.text, '\x1b', 'no control sequences')
})

t.test('on a terminal, readable lines appear above the bar, which disappears in the end', async t => {
  const output = new Output(80)
  const { logger, report } = await createConsole('info', output.asStdout)
  const bar = `tiny ${'█'.repeat(15)}${'░'.repeat(15)}  50 % normalizing`
  report('tiny', progress(500))
  t.same(output.screen, [bar])
  logger.info('halfway')
  await output.holds('halfway')
  t.equal(output.screen.length, 2)
  t.match(output.screen[0], /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: halfway$/)
  t.equal(output.screen[1], bar, 'the bar is below')

  report('tiny', progress(1000))
  t.equal(output.screen.at(-1), '', 'the bar is gone')
  logger.warn({ dataset: 'tiny' }, 'over')
  await output.holds('{"dataset":"tiny"}')
  t.match(output.screen, [/halfway$/, /WARN: over {"dataset":"tiny"}$/, ''])
  t.notMatch(output.screen.join('\n'), /[█░]/)
})

t.test('the bar fits into its line, and is drawn only on changes', async t => {
  const output = new Output(20)
  const bar = output.progressBar(t)
  bar.show('tiny', progress(0))
  t.equal(output.screen[0], `tiny ${'░'.repeat(14)}`)
  const { writes } = output
  bar.show('tiny', progress(1))
  t.equal(output.writes, writes, 'the same line')
  bar.show('tiny', progress(40))
  t.ok(output.writes > writes)
  t.equal(output.screen[0], `tiny █${'░'.repeat(13)}`)
  bar.show('tiny', progress(3, 2))
  t.equal(output.screen[0], '', 'more than the total is complete')
  bar.show('tiny', progress(0, 0))
  t.equal(output.screen[0], '', 'an empty total is complete')
  bar.writeAbove('said\n')
  t.same(output.screen, ['said', ''])

  const ofUnknownWidth = new Output(0)
  ofUnknownWidth.progressBar(t).show('tiny', progress(0, 1000, 'x'.repeat(200)))
  t.equal(ofUnknownWidth.screen[0]!.length, 79, '80 columns are assumed, and the last one stays free')
})
