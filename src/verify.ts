/**
 * Looks at everything that is kept in DATA_DIR, byte by byte: `npm run verify`. What is damaged is named and set aside, so that
 * the next start fetches or prepares it anew.
 */
import { open, readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { FileCache } from './acquire/cache.ts'
import { catalogue } from './dataset/catalogue/index.ts'
import { loadConfig } from './config.ts'
import { messageOf } from './errors.ts'
import { sha256File } from './io/hash.ts'
import { PreparedCache } from './artifact/store.ts'

const { dataFolder } = loadConfig([...catalogue.keys()])
const counts = { whole: 0, damaged: 0 }

for (const name of await namesIn('files')) {
  await check(join('files', name), async () => {
    const handle = await open(join(dataFolder, 'files', name))
    const found = await sha256File(handle).finally(() => handle.close())
    if (found !== name) throw new Error(`has SHA-256 ${found}`)
  }, () => new FileCache(dataFolder).quarantine({ name, sha256: name }))
}

const prepared = new PreparedCache(dataFolder)
for (const name of (await namesIn('prepared')).filter(name => name.endsWith('.json'))) {
  const version = basename(name, '.json')
  await check(join('prepared', version), async () => {
    // What it says of itself is checked by its own hash.
    const { classes } = JSON.parse(await readFile(join(dataFolder, 'prepared', name), 'utf8'))
    if (!await prepared.read(version, classes)) throw new Error('has no data')
  }, () => prepared.setAside(version))
}

console.log(`${counts.whole} whole, ${counts.damaged} damaged in ${dataFolder}`)
process.exitCode = counts.damaged > 0 ? 1 : 0

async function check (what: string, verify: () => Promise<void>, setAside: () => Promise<void>): Promise<void> {
  try {
    await verify()
    counts.whole++
    console.log(`whole    ${what}`)
  } catch (error) {
    counts.damaged++
    console.log(`DAMAGED  ${what}: ${messageOf(error)}; set aside`)
    await setAside()
  }
}

/** What is being written is left out. */
async function namesIn (folder: string): Promise<string[]> {
  const names = await readdir(join(dataFolder, folder)).catch(() => [])
  return names.filter(name => !name.endsWith('.tmp')).sort()
}
