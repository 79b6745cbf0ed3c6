import { createHash, timingSafeEqual } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { ServiceError, messageOf } from '../errors.ts'

interface ApiKey {
  readonly name: string
  readonly hash: Buffer
}

/** The API keys of a file, which has a line `name:sha256` for each, empty lines and comments after `#`. */
export class ApiKeys {
  readonly #file: string
  #keys: readonly ApiKey[] = []

  private constructor (file: string) {
    this.#file = file
  }

  /** @throws ServiceError invalid_configuration */
  static async read (file: string): Promise<ApiKeys> {
    const keys = new ApiKeys(file)
    await keys.reload()
    return keys
  }

  get count (): number { return this.#keys.length }

  /**
   * Reads the file again. If that fails, the keys stay as they are.
   *
   * @throws ServiceError invalid_configuration: the file cannot be read, or has an invalid line
   */
  async reload (): Promise<void> {
    const text = await readFile(this.#file, 'utf8').catch(cause => {
      throw new ServiceError('invalid_configuration', `API_KEYS_FILE cannot be read: ${messageOf(cause)}`, { cause })
    })
    this.#keys = parseKeys(text)
  }

  /** The name of a key; undefined if there is none. Takes as long for each key of the file as for any other text. */
  find (key: string): string | undefined {
    const hash = hashOf(key)
    let found: string | undefined
    for (const { name, hash: known } of this.#keys) if (timingSafeEqual(known, hash)) found = name
    return found
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
