import { connect } from 'node:net'
import { mkdir, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { ServiceError, messageOf } from '../src/errors.ts'
import { systemError } from './fixtures/failing-disk.ts'
import { deadAddress } from './fixtures/mirror.ts'

async function failureOf (work: Promise<unknown>): Promise<string> {
  return await work.then(() => t.fail('it did not fail'), messageOf) as string
}

t.test('messages of the file system have no paths', async t => {
  const folder = t.testdir({ file: '' })
  t.equal(await failureOf(readFile(join(folder, 'secret'))), 'ENOENT: no such file or directory, open')
  t.equal(await failureOf(mkdir(join(folder, 'file', 'secret'))), 'ENOTDIR: not a directory, mkdir')
  t.equal(await failureOf(open(join(folder, 'x'.repeat(300)))), 'ENAMETOOLONG: name too long, open')
})

t.test('system errors that Node does not name have their names', async t => {
  t.equal(messageOf(systemError('EDQUOT', 'write', false)), 'EDQUOT: disk quota exceeded, write')
  const synchronous = Object.assign(systemError('EDQUOT', 'write'), { code: 'UNKNOWN' })
  t.equal(messageOf(synchronous), 'EDQUOT: disk quota exceeded, write')
  t.equal(messageOf(systemError('ENOLCK', 'fcntl', false)), 'ENOLCK: no locks available, fcntl')
  t.equal(messageOf(systemError('ENOTEMPTY', 'rename')), 'ENOTEMPTY: directory not empty, rename')
  t.equal(messageOf(new Error('Unknown system error -4000')), 'error 4000')
})

t.test('messages of the network have no addresses', async t => {
  const { port } = new URL(await deadAddress())
  for (const host of ['127.0.0.1', 'localhost']) {
    const socket = connect({ host, port: Number(port) })
    const [error] = await new Promise<Error[]>(resolve => socket.once('error', (...args) => resolve(args)))
    t.equal(messageOf(error), 'connect ECONNREFUSED')
  }
  const timeout = 'Connect Timeout Error (attempted address: private.example:443, timeout: 10000ms)'
  t.equal(messageOf(new Error(timeout)), 'Connect Timeout Error')
  const certificate = "Hostname/IP does not match certificate's altnames: Host: private.example. is not in the cert's"
  t.equal(messageOf(new Error(certificate)), "Hostname/IP does not match certificate's altnames")
})

t.test('other messages have one line, no paths, and addresses without their secrets', async t => {
  const cases: Array<[message: string, expected: string]> = [
    ["Cannot find module '/srv/app/x.js'\nRequire stack:\n- /srv/app/y.js", "Cannot find module 'x.js'"],
    ['Cannot find package a imported from file:///srv/app/b.js', 'Cannot find package a imported from b.js'],
    ['/lib/x.so.2: cannot open shared object file', 'x.so.2: cannot open shared object file'],
    ['failed at https://user:word@host.example/a/b?token=t#x twice', 'failed at https://host.example/a/b twice'],
    ["failed at 'http://user@host.example:81/a'", "failed at 'http://host.example:81/a'"],
    ['60×4×4, 3/4 and a/b stay', '60×4×4, 3/4 and a/b stay']
  ]
  for (const [message, expected] of cases) t.equal(messageOf(new Error(message)), expected)
  t.equal(messageOf('/srv/secret'), 'secret')
  t.equal(messageOf(new AggregateError([new Error('first'), new Error('second')])), 'first')
  t.equal(messageOf(new ServiceError('unknown_route', 'there is no GET /nope')), 'there is no GET /nope')
})
