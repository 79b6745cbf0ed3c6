/**
 * Runs tap on the compiled tests in build/; `npm test` compiles them first. Arguments are passed to tap, with .ts files
 * of test/ replaced by their compiled files.
 *
 *     npm test [-- test/config/config.test.ts … options of tap]
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'

// tsc keeps the output of tests that were renamed or removed.
for (const path of readdirSync('build/test', { recursive: true }).filter(path => path.endsWith('.test.js'))) {
  if (!existsSync(`test/${path.replace(/js$/, 'ts')}`)) rmSync(`build/test/${path}`)
}

const args = process.argv.slice(2).map(arg => arg.replace(/^(?:\.\/)?(test\/.+)\.ts$/, 'build/$1.js'))
const env = { ...process.env }
if (!args.includes('--no-disable-coverage')) {
  env.NODE_OPTIONS = `${env.NODE_OPTIONS ?? ''} --import=${new URL('skip-hooks.js', import.meta.url)}`
}
// `npm test` puts tap on the path.
const tap = spawn('tap', args, { env, stdio: 'inherit', shell: process.platform === 'win32' })
tap.on('exit', code => { process.exitCode = code ?? 1 })
