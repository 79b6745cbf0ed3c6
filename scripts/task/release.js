/**
 * Prepares everything that a release publishes, in release/: checks that all versions agree, and that licences are
 * allowed; builds the packages of both clients, the bill of materials and the notes. Publishing is left to
 * .github/workflows/release.yml.
 *
 *     npm run task -- release --tag v1.2.3       for the tag of a release; all tools are required
 *     npm run task -- release --dry-run          also builds the image; skips what has no tool
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { changesOf, findVersions } from '../release/versions.js'
import * as checks from '../lib/checks.js'
import { createProject, findCompose } from '../lib/docker.js'
import { root } from '../shipped/packages.js'

const options = { 'dry-run': { type: 'boolean', default: false }, tag: { type: 'string' } }
const { 'dry-run': isDryRun, tag } = parseArgs({ options }).values
if (!isDryRun && !tag) throw new Error('usage: npm run task -- release --tag v1.2.3, or --dry-run')
const output = join(root, 'release')
const python = process.env.PYTHON || 'python3'
const typescript = join(root, 'clients/typescript')

/** Each returns details to print, throws, or names a tool that is missing. */
const steps = {
  versions: checkVersions,
  notes: () => {
    writeFileSync(join(output, 'notes.md'), changesOf(findVersions()['package.json']))
    return 'the changes of this version'
  },
  licences: () => lastLine(run('node', ['scripts/task/licences.js', '--output', join(output, 'THIRD-PARTY.txt')])),
  'bill of materials': () => lastLine(run('node', ['scripts/task/sbom.js', join(output, 'sbom.cdx.json')])),
  'Python client': buildPython,
  'TypeScript client': buildTypeScript,
  ...isDryRun ? { image: buildImage } : {}
}

rmSync(output, { recursive: true, force: true })
mkdirSync(output)
for (const [name, step] of Object.entries(steps)) {
  try {
    const result = await step()
    if (result.missing && isDryRun) checks.skip(name, result.missing)
    else checks.check(name, !result.missing, result.missing ?? result)
  } catch (error) {
    checks.check(name, false, error.stderr || error.message)
  }
}

function checkVersions () {
  const versions = { ...findVersions(), ...tag && { tag: tag.replace(/^v/, '') } }
  const described = Object.entries(versions).map(([place, version]) => `${place} ${version}`).join(', ')
  if (new Set(Object.values(versions)).size !== 1) throw new Error(described)
  return described
}

function buildPython () {
  for (const module of ['build', 'twine']) {
    try {
      run(python, ['-c', `import ${module}`])
    } catch {
      return { missing: `${python} has no module '${module}'` }
    }
  }
  const folder = join(output, 'python')
  run(python, ['-m', 'build', '--outdir', folder, 'clients/python'])
  const files = readdirSync(folder)
  run(python, ['-m', 'twine', 'check', '--strict', ...files.map(name => join(folder, name))])
  return files.join(', ')
}

function buildTypeScript () {
  const folder = join(output, 'typescript')
  mkdirSync(folder)
  // Builds it first: see `prepack`.
  run('npm', ['pack', '--pack-destination', folder], typescript)
  const [file] = readdirSync(folder)
  run('npm', ['publish', '--dry-run', '--access', 'public', join(folder, file)], typescript)
  return file
}

async function buildImage () {
  const { missing, command } = await findCompose()
  if (missing) return { missing }
  const project = createProject('mnist-batch-server-release', { command })
  try {
    return `${Math.round(await project.build() / 1e6)} MB`
  } finally {
    await project.remove()
  }
}

function run (file, args, cwd = root) {
  return execFileSync(file, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 << 20 })
}

function lastLine (text) {
  return text.trim().split('\n').at(-1)
}
