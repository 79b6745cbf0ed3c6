/** The packages that an installation or the image contains: production dependencies, and what the Explorer bundles. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** @returns path below the repository, name, version and SPDX licence of each package in package-lock.json */
export function shippedPackages () {
  const { packages } = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8'))
  const bundled = bundledPaths(packages)
  return Object.entries(packages)
    .filter(([path, { dev }]) => path !== '' && (!dev || bundled.has(path)))
    .map(([path, { name, version, license }]) => ({ path, name: name ?? nameOf(path), version, license }))
}

/** Paths of what explorer/src imports, and its dependencies. */
function bundledPaths (packages) {
  const sources = readdirSync(`${root}explorer/src`, { recursive: true }).filter(path => /\.tsx?$/.test(path))
  const imports = sources.flatMap(path => {
    const text = readFileSync(`${root}explorer/src/${path}`, 'utf8')
    return Array.from(text.matchAll(/^import .*'((?:@[\w-]+\/)?[\w-]+)(?:\/[\w/-]+)?'$/gm), ([, name]) => name)
  })
  const found = new Set()
  const queue = imports.map(name => `node_modules/${name}`)
  for (const path of queue) {
    if (found.has(path)) continue
    found.add(path)
    for (const name of Object.keys(packages[path].dependencies ?? {})) queue.push(resolve(packages, path, name))
  }
  return found
}

/** Where Node.js finds a dependency of the package at `path`. */
function resolve (packages, path, name) {
  for (let folder = path; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const candidate = `${folder}${folder && '/'}node_modules/${name}`
    if (packages[candidate] || folder === '') return candidate
  }
}

function nameOf (path) {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
}
