/** nginx with one worker over a folder of static files: the ceiling. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPeer } from './peer.js'
import { freePort } from './port.js'

export function nginxVersion () {
  return spawnSync('nginx', ['-v'], { encoding: 'utf8' }).stderr?.trim().split('/').at(-1)
}

/** @param files name → bytes */
export async function startNginx (files) {
  const folder = mkdtempSync(join(tmpdir(), 'bench-nginx-'))
  // Started by root, nginx reads as a user of its own.
  chmodSync(folder, 0o755)
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes)
  const port = await freePort()
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port))
  const nginx = await startPeer(port, 'nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')])
  return {
    ...nginx,
    stop: async () => {
      await nginx.stop()
      rmSync(folder, { recursive: true })
    }
  }
}

function configuration (folder, port) {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(name => `${name}_temp_path ${folder}/${name};`)
  return `
daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections 1024; }
http {
  ${temporary.join(' ')}
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_timeout 60;
  keepalive_requests 100000000;
  open_file_cache max=1000;
  default_type application/octet-stream;
  server { listen 127.0.0.1:${port}; root ${folder}; }
}
`
}
