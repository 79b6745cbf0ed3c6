/** Tests scripts/build.js in a folder without TypeScript. */
import { spawnSync } from 'node:child_process'
import { readFileSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { root } from './fixtures/root.ts'

const scripts = Object.fromEntries(['build.js', 'build-explorer.js'].map(name => {
  return [name, readFileSync(new URL(`scripts/${name}`, root), 'utf8')]
}))
const unbuilt = 'mnist-batch-server is not built, and TypeScript is not installed: run npm ci --include=dev\n'
const noPage = 'the Explorer is not built, and Vite is not installed: run npm ci --include=dev to build it\n'

/** Runs the script among these files. */
function build (t: Test, files: Record<string, object>, ...args: string[]) {
  // Outside of the repository, whose node_modules would be found.
  const folder = t.testdir({ 'package.json': '{ "type": "module" }', scripts, ...files })
  utimesSync(join(folder, 'package.json'), 0, 0)
  for (const name of Object.keys(files)) {
    const seconds = name === 'dist' ? 2000 : 1000
    for (const file of Object.keys(files[name]!)) utimesSync(join(folder, name, file), seconds, seconds)
  }
  // No package is found, as if none was installed.
  const preload = 'data:text/javascript,import Module from "node:module"; Module._nodeModulePaths = () => []'
  const run = () => {
    const argv = ['--import', preload, join(folder, 'scripts/build.js'), ...args]
    const { status, stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' })
    return { status, output: stdout + stderr }
  }
  return { folder, run }
}

t.test('without TypeScript, an existing build starts', async t => {
  const { folder, run } = build(t, { dist: { 'server.js': '' }, src: { 'server.ts': '' } })
  t.same(run(), { status: 0, output: noPage })
  utimesSync(join(folder, 'src/server.ts'), 3000, 3000)
  t.same(run(), {
    status: 0,
    output: 'mnist-batch-server was built before src changed: run npm ci --include=dev to build it again\n' + noPage
  })
})

t.test('without TypeScript, a service that is not built does not start, and names the command', async t => {
  t.same(build(t, { src: { 'server.ts': '' } }).run(), { status: 1, output: unbuilt })
})

t.test('an installation without TypeScript succeeds, and names the command', async t => {
  t.same(build(t, { src: { 'server.ts': '' } }, '--install').run(), { status: 0, output: unbuilt })
  t.same(build(t, { dist: { 'server.js': '' } }, '--install').run(), { status: 0, output: noPage })
})

t.test('without Vite, a page that is built is enough', async t => {
  const { folder, run } = build(t, { dist: { 'server.js': '', explorer: { 'index.html': '' } }, src: {} })
  t.same(run(), { status: 0, output: '' })
  const scripts = join(folder, 'scripts/build-explorer.js')
  utimesSync(scripts, Date.now() / 1000 + 10, Date.now() / 1000 + 10)
  t.same(run(), {
    status: 0,
    output: noPage.replace('is not built', 'was built before it changed')
  })
})
