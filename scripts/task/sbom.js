/**
 * Writes the bill of materials of what is shipped, as CycloneDX in JSON: that of npm, without packages for development,
 * and without what changes from run to run.
 *
 *     npm run task -- sbom FILE
 */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { root, shippedPackages } from '../shipped/packages.js'

const [file] = process.argv.slice(2)
if (!file) throw new Error('usage: npm run task -- sbom FILE')
const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 }
const { serialNumber, metadata, components, dependencies, ...bom } =
  JSON.parse(execFileSync('npm', ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx'], options))
const { timestamp, ...described } = metadata

const shipped = new Set(shippedPackages().map(({ name, version }) => `${name}@${version}`))
const kept = components.filter(({ name, version }) => shipped.has(`${name}@${version}`))
// npm uses the name of the folder.
described.component.name = described.component['bom-ref'].split('@')[0]
const refs = new Set([described.component['bom-ref'], ...kept.map(component => component['bom-ref'])])
writeFileSync(file, JSON.stringify({
  ...bom,
  metadata: described,
  components: kept,
  dependencies: dependencies.filter(({ ref }) => refs.has(ref)).map(({ ref, dependsOn }) => {
    return { ref, dependsOn: dependsOn.filter(other => refs.has(other)) }
  })
}, undefined, 2) + '\n')
console.log(`${file}: ${kept.length} components`)
