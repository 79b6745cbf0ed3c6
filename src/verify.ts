/**
 * Verifies every cached file and every artifact in DATA_DIR by its hashes: `npm run verify`. Damaged ones are named and
 * quarantined, so that the next start downloads or prepares them again.
 */
import { open, readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { FileCache } from './acquire/cache.ts'
import { ArtifactStore } from './artifact/store.ts'
import { loadConfig } from './config/config.ts'
import { catalogue } from './dataset/catalogue/index.ts'
import { sha256File } from './disk/hash.ts'
import { messageOf } from './errors.ts'
import { verifyMap } from './map/map-source.ts'

const { dataFolder } = loadConfig([...catalogue.keys()])
const counts = { intact: 0, damaged: 0 }

for (const name of await listFiles('files')) {
  await check(join('files', name), async () => {
    const handle = await open(join(dataFolder, 'files', name))
    const found = await sha256File(handle).finally(() => handle.close())
    if (found !== name) throw new Error(`has SHA-256 ${found}`)
  }, () => new FileCache(dataFolder).quarantine({ name, sha256: name }))
}

const store = new ArtifactStore(dataFolder)
for (const name of (await listFiles('prepared')).filter(name => name.endsWith('.json'))) {
  const version = basename(name, '.json')
  await check(join('prepared', version), async () => {
    // The manifest's own hash covers its number of classes.
    const { classes } = JSON.parse(await readFile(join(dataFolder, 'prepared', name), 'utf8'))
    if (!await store.read(version, classes)) throw new Error('the data file is missing')
  }, () => store.quarantine(version))
}

for (const name of (await listFiles('prepared')).filter(name => name.endsWith('.map'))) {
  const version = basename(name, '.map')
  await check(join('prepared', name), async () => {
    verifyMap(await store.readMap(version))
  }, () => store.quarantineMap(version))
}

console.log(`${counts.intact} intact, ${counts.damaged} damaged in ${dataFolder}`)
process.exitCode = counts.damaged > 0 ? 1 : 0

async function check (
  what: string,
  verify: () => Promise<void>,
  quarantine: () => Promise<unknown>
): Promise<void> {
  try {
    await verify()
    counts.intact++
    console.log(`intact   ${what}`)
  } catch (error) {
    counts.damaged++
    console.log(`DAMAGED  ${what}: ${messageOf(error)}; quarantined`)
    await quarantine()
  }
}

/** File names in a subfolder, without files that are still being written. */
async function listFiles (folder: string): Promise<string[]> {
  const names = await readdir(join(dataFolder, folder)).catch(() => [])
  return names.filter(name => !name.endsWith('.tmp')).sort()
}
