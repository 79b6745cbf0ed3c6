import { get as getSecurely } from 'node:https'
import { get } from 'node:http'
import { loadConfig } from './config/config.ts'
import { catalogue } from './dataset/catalogue/index.ts'

/** For containers: exits with 0 if the server of the same settings, on this machine, is ready. */

/** Addresses to listen on that stand for all of them. */
const loopback: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '127.0.0.1' }

const { host, port, tls } = loadConfig([...catalogue.keys()])
const target = host.startsWith('unix:')
  ? { socketPath: host.slice('unix:'.length) }
  : { host: loopback[host] ?? host, port }
// The certificate is for the name that clients use.
const options = { ...target, path: '/readyz', rejectUnauthorized: false }
const request = tls ? getSecurely(options) : get(options)
request.on('response', ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1))
request.on('error', error => {
  process.stderr.write(`${error.message}\n`)
  process.exit(1)
})
