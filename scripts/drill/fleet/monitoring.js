/** The profile `monitoring` of the fleet: Prometheus finds and scrapes every replica. */
import { setTimeout as delay } from 'node:timers/promises'
import { docker, run } from '../../lib/docker.js'

/** Longer than Prometheus takes to resolve the name of the replicas and to scrape them. */
const SCRAPED_MS = 90_000

/**
 * @param project of Compose
 * @param port that Prometheus publishes
 * @returns what has been seen, or undefined without the image
 */
export async function scrapedReplicas (project, port, expected) {
  const config = await project.compose(['--profile', 'monitoring', 'config'])
  const [image] = /prom\/prometheus:\S+/.exec(config)
  const isAvailable = await run(docker, ['image', 'inspect', image]).catch(() => run(docker, ['pull', image]))
    .then(() => true, () => false)
  if (!isAvailable) return undefined
  await project.compose(['--profile', 'monitoring', 'up', '--detach', '--no-build', '--no-recreate', 'prometheus'])
  const query = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent('sum(up)')}`
  let found
  for (const end = performance.now() + SCRAPED_MS; performance.now() < end && found !== expected; await delay(1000)) {
    const { data } = await fetch(query).then(response => response.json(), () => ({}))
    found = Number(data?.result[0]?.value[1])
  }
  return found
}
