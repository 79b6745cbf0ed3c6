/** The cache of the fleet, as deploy/ configures it, on loopback. */
import { readFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, startServer } from './server.js'

const config = readFileSync(new URL('../../deploy/kubernetes/cache/cache.conf', import.meta.url), 'utf8')

/** @param ports of the replicas */
export async function startCache (ports) {
  const folder = mkdtempSync(join(tmpdir(), 'cache-'))
  const port = await freePort()
  mkdirSync(join(folder, 'temporary'))
  const own = config
    .replace('/var/cache/nginx/mnist', join(folder, 'stored'))
    .replace('listen 8080;', `listen 127.0.0.1:${port};`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => {
    return `${name}_temp_path ${join(folder, 'temporary', name)};`
  })
  const servers = ports.map(port => `server 127.0.0.1:${port} max_fails=2 fail_timeout=2s;`)
  writeFileSync(join(folder, 'nginx.conf'), `
    daemon off;
    ${process.getuid() === 0 ? 'user root;' : ''}
    pid ${join(folder, 'pid')};
    error_log ${join(folder, 'error.log')};
    events { worker_connections 4096; }
    http {
      ${temporary.join('\n      ')}
      upstream mnist { zone replicas 256k; least_conn; ${servers.join(' ')} keepalive 64; }
      ${own}
    }`)
  const parameters = ['-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')]
  const nginx = await startServer(port, 'nginx', parameters)
  return {
    base: nginx.base,
    /** Ends the process; what it has stored stays for `start`. */
    async restart () {
      await nginx.stop()
      Object.assign(nginx, await startServer(port, 'nginx', parameters))
    },
    async stop () {
      await nginx.stop()
      rmSync(folder, { recursive: true })
    }
  }
}
