/**
 * Runs one of the scripts of a folder in this process, so that its exit code is that of the command. The shell of npm
 * ends on SIGTERM without passing it on: that counts as a SIGTERM for the script.
 *
 *     npm run drill                    lists the scripts
 *     npm run drill -- NAME [argument …]
 */
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const PARENT_POLL_MS = 250

const [group, name, ...args] = process.argv.slice(2)
const folder = new URL(`${group}/`, import.meta.url)
const names = readdirSync(folder).filter(file => file.endsWith('.js')).map(file => file.slice(0, -'.js'.length))

if (name === undefined || name === '--help') {
  console.log(`usage: npm run ${group} -- NAME [argument …]\n`)
  for (const name of names) console.log(`  ${name.padEnd(16)} ${describe(name)}`)
} else if (!names.includes(name)) {
  console.error(`there is no ${group} '${name}'; there are: ${names.join(', ')}`)
  process.exitCode = 1
} else if (group === 'task' || build()) {
  endWithParent()
  process.argv.splice(1, process.argv.length, fileURLToPath(new URL(`${name}.js`, folder)), ...args)
  await import(new URL(`${name}.js`, folder))
}

/** The first sentence of a script. */
function describe (name) {
  const [, sentence] = /\/\*\*[\s*]*([^]+?)[.:](?=\s)/.exec(readFileSync(new URL(`${name}.js`, folder), 'utf8'))
  return sentence.replaceAll(/\s+\*\s+/g, ' ')
}

function endWithParent () {
  const parent = process.ppid
  const timer = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(timer)
    process.kill(process.pid, 'SIGTERM')
  }, PARENT_POLL_MS).unref()
}

/** Drills and docs run the built service. */
function build () {
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL('build.js', import.meta.url))], {
    stdio: ['ignore', 'ignore', 'inherit']
  })
  if (status !== 0) process.exitCode = status ?? 1
  return status === 0
}
