/** The version of everything that is released together, and what has changed in it. */
import { readFileSync } from 'node:fs'
import { root } from '../shipped/packages.js'

/** @returns file → version */
export function findVersions () {
  return {
    'package.json': parse('package.json').version,
    'package-lock.json': parse('package-lock.json').version,
    'openapi/openapi.json': parse('openapi/openapi.json').info.version,
    'clients/typescript': parse('clients/typescript/package.json').version,
    'clients/python': /^version = "(.+)"$/m.exec(read('clients/python/pyproject.toml'))?.[1],
    'CHANGELOG.md': /^## (\S+)/m.exec(read('CHANGELOG.md'))?.[1]
  }
}

/** The section of the changelog. */
export function changesOf (version) {
  const section = read('CHANGELOG.md').split(/^## /m).find(section => section.startsWith(`${version}\n`))
  if (!section) throw new Error(`CHANGELOG.md has no section '## ${version}'`)
  return section.slice(version.length).trim() + '\n'
}

function read (path) {
  return readFileSync(`${root}${path}`, 'utf8')
}

function parse (path) {
  return JSON.parse(read(path))
}
