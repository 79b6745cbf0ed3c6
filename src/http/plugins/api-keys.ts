import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { ServiceError, messageOf } from '../../errors.ts'

interface ApiKey {
  readonly name: string
  readonly hash: Buffer
}

/** The API keys of a file, which has a line `name:sha256` for each, empty lines and comments after `#`. */
export class ApiKeys {
  readonly #file: string
  readonly #listeners: Array<(names: ReadonlySet<string>) => void> = []
  #keys: readonly ApiKey[] = []
  /** The hashes in hexadecimal. */
  #hashes: ReadonlySet<string> = new Set()

  private constructor (file: string) {
    this.#file = file
  }

  /** @throws ServiceError invalid_configuration */
  static async read (file: string): Promise<ApiKeys> {
    const keys = new ApiKeys(file)
    keys.#replace(await keys.#read())
    return keys
  }

  get count (): number { return this.#keys.length }

  /**
   * Reads the file again. If that fails, or the file has no keys, the keys stay as they are: an empty file may be a
   * mistake.
   *
   * @throws ServiceError invalid_configuration: the file cannot be read, has an invalid line, or no keys
   */
  async reload (): Promise<void> {
    const keys = await this.#read()
    if (keys.length === 0) {
      const detail = 'API_KEYS_FILE has no keys; to revoke them all, stop the server or leave one that is not in use'
      throw new ServiceError('invalid_configuration', detail)
    }
    this.#replace(keys)
  }

  /** Calls `listener` with the names of keys that are no longer in the file. */
  onRevoked (listener: (names: ReadonlySet<string>) => void): void {
    this.#listeners.push(listener)
  }

  async #read (): Promise<ApiKey[]> {
    const text = await readFile(this.#file, 'utf8').catch(cause => {
      throw new ServiceError('invalid_configuration', `API_KEYS_FILE cannot be read: ${messageOf(cause)}`, { cause })
    })
    return parseKeys(text)
  }

  #replace (keys: readonly ApiKey[]): void {
    const isKept = ({ name, hash }: ApiKey): boolean => keys.some(key => key.name === name && key.hash.equals(hash))
    const revoked = new Set(this.#keys.filter(key => !isKept(key)).map(({ name }) => name))
    this.#keys = keys
    this.#hashes = new Set(keys.map(({ hash }) => hash.toString('hex')))
    if (revoked.size > 0) for (const listener of this.#listeners) listener(revoked)
  }

  /** The name of a key; undefined if there is none. Takes as long for each key of the file as for any other text. */
  find (key: string): string | undefined {
    const hash = hashOf(key)
    let found: string | undefined
    for (const { name, hash: known } of this.#keys) if (timingSafeEqual(known, hash)) found = name
    return found
  }

  /** Text without the keys that clients put into addresses: valid ones, and all others of the same form. */
  mask (text: string): string {
    const segments = text.split(/([/?&;#\s'"])/)
    const masked = segments.slice(0, MAX_SEGMENTS).map(segment => {
      const [, name = '', value] = /^([^=]*=)?(.*)$/s.exec(segment)!
      if (this.#isKey(segment)) return '***'
      return this.#isKey(value!) ? `${name}***` : segment
    })
    return masked.join('') + (segments.length > MAX_SEGMENTS ? '…' : '')
  }

  #isKey (text: string): boolean {
    if (GENERATED_KEY.test(text)) return true
    return text.length > 1 && this.#hashes.has(hashOf(decode(text)).toString('hex'))
  }
}

/** Segments of an address that are looked at, since each takes a microsecond; the others are left out. */
const MAX_SEGMENTS = 128

/** As `npm run key` creates keys: 256 bits in base64url. */
const GENERATED_KEY = /^[\w-]{43}$/

function decode (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The SHA-256 of a key, as the file has it in hexadecimal. */
function hashOf (key: string): Buffer {
  return createHash('sha256').update(key).digest()
}

function parseKeys (text: string): ApiKey[] {
  const keys = new Map<string, ApiKey>()
  text.split(/\r?\n/).forEach((line, index) => {
    const entry = line.replace(/#.*/, '').trim()
    if (entry === '') return
    const [, name, hash] = /^([\w.@-]{1,64}):([0-9a-f]{64})$/i.exec(entry) ?? []
    const fault = !name || !hash
      ? 'is not of the form name:sha256, with a name of letters, digits and . _ - @'
      : keys.has(name) ? `repeats the name ${name}` : undefined
    if (fault) throw new ServiceError('invalid_configuration', `API_KEYS_FILE is invalid: line ${index + 1} ${fault}`)
    keys.set(name!, { name: name!, hash: Buffer.from(hash!, 'hex') })
  })
  return [...keys.values()]
}
