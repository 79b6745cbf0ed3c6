/**
 * Creates an API key, adds its SHA-256 to API_KEYS_FILE, and prints the key, which cannot be seen again.
 *
 *     API_KEYS_FILE=keys.txt npm run --silent key -- NAME
 */
import { createHash, randomBytes } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync } from 'node:fs'

const [name, ...others] = process.argv.slice(2)
const file = process.env.API_KEYS_FILE
if (!file || !/^[\w.@-]{1,64}$/.test(name ?? '') || others.length > 0) {
  console.error('usage: API_KEYS_FILE=keys.txt npm run --silent key -- NAME\n')
  console.error('NAME has up to 64 letters, digits and . _ - @; API_KEYS_FILE is created if it does not exist.')
  process.exit(1)
}
const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
if (text.split('\n').some(line => line.startsWith(`${name}:`))) {
  console.error(`API_KEYS_FILE has a key of this name already: remove the line ${name}:… first`)
  process.exit(1)
}
const key = randomBytes(32).toString('base64url')
const separator = text === '' || text.endsWith('\n') ? '' : '\n'
appendFileSync(file, `${separator}${name}:${createHash('sha256').update(key).digest('hex')}\n`, { mode: 0o600 })
console.log(key)
