/** The servers that the service is compared with: how they are installed and started. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryFolder } from '../scripts/lib/files.js'
import { idxFolder } from '../scripts/lib/mnist.js'
import { freePort, startServer } from '../scripts/lib/server.js'

const INSTALL_TIMEOUT_MS = 600_000

export function programPath (name) {
  return fileURLToPath(new URL(`programs/${name}`, import.meta.url))
}

/** Stops every server that `measure` passed to `use`, in reverse order. */
export async function withServers (measure) {
  const running = []
  const use = async starting => {
    const server = await starting
    running.unshift(server)
    return server
  }
  try {
    return await measure(use)
  } finally {
    for (const { stop } of running) await stop()
  }
}

/**
 * nginx with one worker and sendfile over a folder of static files.
 *
 * @param files name → bytes
 * @param options.openFileCache whether nginx keeps file descriptors between requests
 */
export async function startNginx (files, { openFileCache }) {
  const folder = temporaryFolder('bench-nginx')
  // nginx drops root and reads the files as another user.
  chmodSync(folder, 0o755)
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes)
  const port = await freePort()
  writeFileSync(join(folder, 'nginx.conf'), nginxConfiguration(folder, port, openFileCache))
  return await startServer(port, 'nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')])
}

function nginxConfiguration (folder, port, openFileCache) {
  const modules = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  ${modules.map(name => `${name}_temp_path ${folder}/${name};`).join(' ')}
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 60;
  keepalive_requests 100000000;
  open_file_cache ${openFileCache ? 'max=1000' : 'off'};
  default_type application/octet-stream;
  server { listen 127.0.0.1:${port}; root ${folder}; }
}
`
}

/** FastAPI over NumPy arrays: one process of uvicorn on uvloop. */
export async function startFastapi () {
  const port = await freePort()
  return await startServer(port, 'python3', [programPath('fastapi_server.py'), idxFolder, String(port)])
}

/** A Node.js program that prints its address, such as a Fastify route that responds with an empty body. */
export async function startProgram (name, ...args) {
  const child = spawn(process.execPath, [programPath(name), ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  const [address] = await once(child.stdout, 'data')
  return { base: String(address).trim(), stop: () => child.kill('SIGTERM') && exit }
}

/** Whether a program runs, after installing its Debian package if necessary. */
export function hasProgram (program, debianPackage) {
  if (runs(program, '-v')) return true
  console.error(`installing ${debianPackage} …`)
  install('apt-get', 'install', '-y', '--no-install-recommends', debianPackage)
  return runs(program, '-v') || skip(`${program} is missing: apt-get install ${debianPackage} failed`)
}

/** Whether Python has these modules, after installing the packages of the same names if necessary. */
export function hasModules (...names) {
  if (imports(names)) return true
  console.error(`installing ${names.join(', ')} …`)
  install('python3', '-m', 'pip', 'install', '--quiet', ...names)
  const hint = 'pip install failed; python3 of a virtual environment on the PATH allows it'
  return imports(names) || skip(`Python modules are missing, ${names.join(', ')}: ${hint}`)
}

function runs (command, ...args) {
  return spawnSync(command, args, { stdio: 'ignore' }).error === undefined
}

function imports (names) {
  const find = 'import sys; from importlib.util import find_spec; sys.exit(not all(map(find_spec, sys.argv[1:])))'
  return spawnSync('python3', ['-c', find, ...names], { stdio: 'ignore' }).status === 0
}

function install (command, ...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'], timeout: INSTALL_TIMEOUT_MS, env })
}

function skip (reason) {
  console.error(`\nSKIPPED: ${reason}\n`)
  return false
}
