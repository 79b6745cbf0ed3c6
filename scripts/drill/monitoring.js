/**
 * Runs Prometheus against the service: promtool accepts the rules and their tests, and a real Prometheus that scrapes
 * the service and the cache has data for every recording rule and every query of the dashboard. Skipped without these
 * programs and nginx.
 *
 *     npm run drill -- monitoring
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { check, requirePrograms } from '../lib/checks.js'
import { temporaryFolder } from '../lib/files.js'
import { startCache } from '../lib/nginx-cache.js'
import { freePort, startServer, startService } from '../lib/server.js'

const monitoring = fileURLToPath(new URL('../../deploy/monitoring/', import.meta.url))
/** Seconds that Prometheus gets for the rates of rules and queries. */
const MAX_SECONDS = 40

requirePrograms('promtool', 'prometheus', 'nginx')
promtool('check', 'config', 'prometheus.yml')
promtool('check', 'rules', 'recording-rules.yml', 'alerts.yml')
promtool('test', 'rules', 'alerts.test.yml')

const folder = temporaryFolder('monitoring')
const metricsPort = await freePort()
const service = await startService({ settings: { METRICS_PORT: String(metricsPort), ACCESS_LOG: 'errors' } })
const cache = await startCache([new URL(service.base).port])
try {
  const port = await freePort()
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify({
    global: { scrape_interval: '1s', evaluation_interval: '1s' },
    rule_files: ['recording-rules.yml', 'alerts.yml'].map(name => join(monitoring, name)),
    scrape_configs: [
      { job_name: 'mnist-batch-server', static_configs: [{ targets: [`127.0.0.1:${metricsPort}`] }] },
      { job_name: 'mnist-cache', static_configs: [{ targets: [new URL(cache.metrics).host] }] }
    ]
  }))
  const prometheus = await startServer(port, 'prometheus', [
    `--config.file=${join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=error'
  ])
  try {
    await testQueries(prometheus.base)
    await testRules(prometheus.base)
  } finally {
    await prometheus.stop()
  }
} finally {
  await cache.stop()
  await service.stop()
}

function promtool (...args) {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: monitoring, encoding: 'utf8' })
  check(`promtool ${args.join(' ')}`, status === 0, status === 0 ? '' : `${stdout}${stderr}`)
}

/** Every query of the dashboard has finite values, within a bounded time of load. */
async function testQueries (base) {
  const { panels } = JSON.parse(readFileSync(join(monitoring, 'dashboard.json'), 'utf8'))
  const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })))
  let missing = queries
  for (let second = 0; second < MAX_SECONDS && missing.length > 0; second++) {
    await load()
    await delay(500)
    const results = await Promise.all(missing.map(({ expr }) => query(base, interpolate(expr))))
    missing = missing.filter((_, i) => results[i].length === 0 || results[i].every(value => !Number.isFinite(value)))
  }
  for (const item of queries) check(`dashboard: ${item.title}`, !missing.includes(item), item.expr)
}

async function testRules (base) {
  const { data } = await (await fetch(`${base}/api/v1/rules`)).json()
  const rules = data.groups.flatMap(({ rules }) => rules)
  for (const rule of rules) check(`rule ${rule.name} is evaluated`, rule.health === 'ok', rule.lastError)
  for (const { name } of rules.filter(({ type }) => type === 'recording')) {
    check(`rule ${name} has data`, (await query(base, name)).length > 0)
  }
  const firing = rules.filter(({ state }) => state === 'firing').map(({ name }) => name)
  check('no alert fires', firing.length === 0, firing.join(', '))
}

/** The values of an instant query. */
async function query (base, expr) {
  const response = await fetch(`${base}/api/v1/query?${new URLSearchParams({ query: expr })}`)
  const { status, data, error } = await response.json()
  if (status !== 'success') throw new Error(`${expr}: ${error}`)
  return data.result.map(({ value }) => Number(value[1]))
}

/** The query as Grafana sends it, with all values of its variables. */
function interpolate (expr) {
  return expr.replaceAll('$__rate_interval', '10s').replaceAll(/\$(job|instance)/g, '.*')
}

/** One request of each kind that the metrics distinguish. */
async function load () {
  const split = `${service.base}/v1/datasets/mnist/splits/train`
  const seed = Math.floor(Math.random() * 1e6)
  for (const path of [
    'batches?batch_size=256', `batches?seed=${seed}&format=npz`, `batches?seed=${seed}&augment=rotate:10`,
    'samples/1?format=png', 'batches?page=x', 'stream?page=370&format=arrow'
  ]) await (await fetch(`${split}/${path}`, { headers: { 'accept-encoding': 'gzip' } })).arrayBuffer()
  await new Promise(resolve => {
    const aborted = request(`${split}/stream`, response => {
      response.once('data', () => aborted.destroy())
    })
    aborted.on('error', () => {}).on('close', resolve).end()
  })
}
