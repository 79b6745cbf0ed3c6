/** Docker and Compose for tests: each test has a project of its own. DOCKER names another docker client. */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { fileURLToPath } from 'node:url'

export const docker = process.env.DOCKER || 'docker'
const root = fileURLToPath(new URL('../..', import.meta.url))
const execute = promisify(execFile)

/** @returns the command of Compose, or the reason why there is none */
export async function findCompose () {
  const failure = (file, ...args) => execute(file, args).then(() => undefined, ({ stderr, message }) => {
    return (stderr || message).trim().split('\n').at(-1)
  })
  // `version` as well, since `info` of older clients exits with 0 without an engine.
  const error = await failure(docker, 'version', '--format', '{{.Server.Version}}') || await failure(docker, 'info')
  if (error) return { missing: `no Docker engine responds to '${docker} info' (${error})` }
  for (const command of [[docker, 'compose'], ['docker-compose']]) {
    const [file, ...args] = command
    if (!await failure(file, ...args, 'version')) return { command }
  }
  return { missing: `neither '${docker} compose' nor 'docker-compose' is installed` }
}

/** The output of a command, without white space around it. */
export async function run (file, args, options) {
  const { stdout } = await execute(file, args, { maxBuffer: 64 << 20, ...options })
  return stdout.trim()
}

/**
 * A project with an image, containers and volumes of its own.
 *
 * @param name a prefix
 * @param options.command of Compose
 * @param options.env variables that the Compose file reads
 * @param options.files Compose files, below the repository; the first is docker-compose.yml by default
 * @param options.signal ends commands, but not `remove`
 */
export function createProject (name, { command, env, files = [], signal }) {
  const project = `${name}-${randomBytes(4).toString('hex')}`
  const image = `${project}:latest`
  const [file, ...before] = command
  const compose = async (args, options) => {
    const named = [...files, ...options?.files ?? []].flatMap(path => ['--file', path])
    const settings = { cwd: root, env: { ...process.env, ...env, IMAGE: image } }
    return await run(file, [...before, '--project-name', project, ...named, ...args], { ...settings, ...options })
  }
  return {
    name: project,
    image,
    /** @param args.files further Compose files */
    compose: (args, options) => compose(args, { signal, ...options }),
    /** @returns the size of the image in bytes */
    async build () {
      await compose(['build', ...process.env.NODE_IMAGE ? ['--build-arg', `NODE_IMAGE=${process.env.NODE_IMAGE}`] : []],
        { signal })
      return Number(await run(docker, ['image', 'inspect', '--format', '{{.Size}}', image], { signal }))
    },
    async remove () {
      const down = compose(['down', '--volumes', '--remove-orphans', '--timeout', '2'])
      await down.catch(({ message }) => console.log(`not removed: ${message}`))
      await run(docker, ['image', 'rm', '--no-prune', image]).catch(() => {})
    }
  }
}
