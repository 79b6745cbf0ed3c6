/**
 * Runs the image as platforms that restrict containers do: with any user, a read-only root, no capabilities, no shell,
 * and a volume that may not be writable.
 */
import { chmodSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { getRetrying } from '../fleet/client.js'
import { findDifference } from '../fleet/reference.js'
import { docker, run } from '../../lib/docker.js'
import { temporaryFolder } from '../../lib/files.js'

const READY_MS = 120_000
const RESTRICTIONS = ['--read-only', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges']
const PAGE = { seed: 1, page: 0, batchSize: 100 }
const QUERY = 'seed=1&page=0&batch_size=100&normalization=raw&labels=index&format=safetensors'
/** Files in place of the shells of Debian, to which /bin/sh is a link. */
const NO_SHELL = ['dash', 'bash'].flatMap(name => ['--volume', `/dev/null:/usr/bin/${name}:ro`])

/** A folder of the host that belongs to another user. */
const folder = temporaryFolder('data')
chmodSync(folder, 0o755)

/** Name, options of `docker run`, and whether the dataset is stored in /data. */
const cases = [
  ['any user', ['--user', '12345'], true],
  ['any user and group', ['--user', '12345:12345'], true],
  ['a user of OpenShift', ['--user', '1000650000:0', '--group-add', '1000650000'], true],
  ['/data in memory', ['--user', '12345:12345', '--tmpfs', '/data:mode=1777'], true],
  ['/data of another user', ['--user', '12345:12345', '--volume', `${folder}:/data`], false],
  ['/data read-only', ['--user', '12345', '--volume', `${folder}:/data:ro`], false],
  ['no shell', NO_SHELL, true]
]

/**
 * @param options.signal ends commands
 * @returns checks: each has a name and a function that returns details or throws
 */
export function restrictedChecks (image, { signal }) {
  return cases.map(([name, options, isStored]) => ({
    name: `it runs with ${name}`,
    run: async () => {
      const detached = ['run', '--detach', '--publish', '127.0.0.1::8080', ...RESTRICTIONS, ...options]
      const id = await run(docker, [...detached, image()], { signal })
      try {
        return await serves(id, isStored, signal)
      } finally {
        await run(docker, ['rm', '--force', '--volumes', id])
      }
    }
  }))
}

async function serves (id, isStored, signal) {
  const output = (...args) => run(docker, args, { signal })
  const log = async () => (await output('logs', id)).split('\n').filter(Boolean).map(line => JSON.parse(line))
  const end = performance.now() + READY_MS
  let ready
  while (!(ready = (await log()).find(({ msg }) => msg.endsWith('is ready')))) {
    if (performance.now() > end || await output('inspect', '--format', '{{.State.Running}}', id) !== 'true') {
      throw new Error(`it does not become ready: ${(await log()).at(-1)?.msg}`)
    }
    await delay(250, undefined, { signal })
  }
  const [address] = (await output('port', id, '8080')).split('\n')
  const body = await getRetrying(`http://${address}/v1/datasets/mnist/splits/train/batches?${QUERY}`)
  const difference = findDifference(body, PAGE)
  if (difference) throw new Error(`${difference} of a batch are wrong`)
  await output('exec', id, 'node', 'dist/health-check.js')
  const warnings = [...new Set((await log()).filter(({ level }) => level >= 40).map(({ msg }) => msg))]
  const files = await output('exec', id, 'node', '-p', 'fs.readdirSync("/data/prepared")').catch(() => 'none')
  if (files.includes('.bin') !== isStored) throw new Error(`files in /data/prepared: ${files}`)
  if ((warnings.length > 0) === isStored) throw new Error(`warnings: ${warnings.join('; ') || 'none'}`)
  const shell = await output('exec', id, '/bin/sh', '-c', 'echo yes').catch(() => 'no')
  return [`ready in ${ready.ms} ms`, `shell: ${shell}`, ...warnings].join('; ')
}
