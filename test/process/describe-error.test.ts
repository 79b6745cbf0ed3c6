import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { describeError } from '../../src/process/log-output.ts'

t.test('the log has the causes and frames of an error, and no local path', async t => {
  const folder = t.testdir({})
  const cause: Error = await readFile(join(folder, 'secret')).then(() => t.fail(), error => error)
  const error = new TypeError(`cannot read '${folder}/x'\nsecond line`, { cause })
  const described = describeError(error) as { stack: string }
  t.match(described, {
    type: 'TypeError',
    message: "cannot read 'x': ENOENT: no such file or directory, open",
    // With source maps, frames name the source.
    stack: /^at .*\(?(build\/)?test\/process\/describe-error\.test\.[jt]s:\d+:\d+/
  })
  t.notMatch(JSON.stringify(described), folder)
  t.notMatch(described.stack, process.cwd())
  t.match(describeError(cause), { code: 'ENOENT' })
})

t.test('causes in a circle end, and other values stay', async t => {
  const error = new Error('a')
  error.cause = error
  t.match(describeError(error), { message: 'a' })
  t.equal(describeError('text'), 'text')
})
