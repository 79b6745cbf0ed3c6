/** The cache of the fleet, as deploy/ configures it, on loopback. */
import { readFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryFolder } from './files.js'
import { freePort, startServer } from './server.js'

const deploy = new URL('../../deploy/', import.meta.url)
const config = readFileSync(new URL('kubernetes/cache/cache.conf', deploy), 'utf8')
/** Where each orchestrator's replicas are. */
const upstreams = { compose: 'upstream.conf', kubernetes: 'kubernetes/cache/upstream.conf' }

/**
 * @param ports of the replicas
 * @param options.orchestrator whose upstream is used, with these replicas instead of those that DNS knows
 * @param options.proxies the content of proxies.conf
 * @param options.probeSeconds how long the cache remembers whether the replicas need keys
 * @returns the base address, that of the metrics, the pid, `restart` and `stop`
 */
export async function startCache (ports, { orchestrator = 'compose', proxies = '', probeSeconds = 10 } = {}) {
  const folder = temporaryFolder('cache')
  const [port, metricsPort] = await Promise.all([freePort(), freePort()])
  mkdirSync(join(folder, 'temporary'))
  const own = config
    .replace('/var/cache/nginx/mnist', join(folder, 'stored'))
    .replaceAll(/listen (\[::\]:)?(8080|9113);/g, (_, isIpv6, number) => {
      return `listen ${isIpv6 ? '[::1]' : '127.0.0.1'}:${number === '8080' ? port : metricsPort};`
    })
    .replace('proxy_cache_valid 200 401 10s;', `proxy_cache_valid 200 401 ${probeSeconds}s;`)
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => {
    return `${name}_temp_path ${join(folder, 'temporary', name)};`
  })
  writeFileSync(join(folder, 'nginx.conf'), `
    daemon off;
    ${process.getuid() === 0 ? 'user root;' : ''}
    pid ${join(folder, 'pid')};
    error_log ${join(folder, 'error.log')};
    events { worker_connections 4096; }
    http {
      ${temporary.join('\n      ')}
      ${readUpstream(orchestrator, ports)}
      ${proxies}
      ${own}
    }`)
  const parameters = ['-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log')]
  const nginx = await startServer(port, 'nginx', parameters)
  return {
    base: nginx.base,
    ipv6Base: `http://[::1]:${port}`,
    metrics: `http://127.0.0.1:${metricsPort}/metrics`,
    get pid () { return nginx.pid },
    /** Ends the process; what it has stored stays for `start`. */
    async restart () {
      await nginx.stop()
      Object.assign(nginx, await startServer(port, 'nginx', parameters))
    },
    stop: () => nginx.stop()
  }
}

/** The upstream of deploy/ with the parameters of its server, but with addresses instead of a name and a resolver. */
function readUpstream (orchestrator, ports) {
  const text = readFileSync(new URL(upstreams[orchestrator], deploy), 'utf8')
  const server = /^ *server \S+?( resolve)?( [^;]*)?;$/m
  const [, , parameters = ''] = server.exec(text)
  return text
    .replace(/^resolver .*$/m, '')
    .replace(server, ports.map(port => `server 127.0.0.1:${port}${parameters};`).join(' '))
}
