/** The address of a source. Its credentials are sent in a header, and only its public parts are ever named. */
export class Endpoint {
  /** For every request to it, but not to those that it redirects to. */
  readonly headers: Readonly<Record<string, string>>
  readonly #url: URL

  /**
   * @param address http or https; may have credentials, and a query that is repeated in every request
   * @throws Error without the address
   */
  constructor (address: string) {
    if (!URL.canParse(address)) throw new Error('its address is not valid')
    const url = new URL(address)
    this.headers = url.username === '' && url.password === '' ? {} : { authorization: basicAuthorization(url) }
    url.username = ''
    url.password = ''
    url.hash = ''
    if (!url.pathname.endsWith('/')) url.pathname += '/'
    this.#url = url
  }

  /** Scheme, host and path. */
  get publicName (): string {
    return `${this.#url.origin}${this.#url.pathname}`
  }

  /** The URL of a file below the address. */
  resolve (path: string): string {
    const url = new URL(this.#url)
    url.pathname += path
    return url.href
  }
}

/** RFC 7617, in UTF-8. */
function basicAuthorization ({ username, password }: URL): string {
  const credentials = `${decode(username)}:${decode(password)}`
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}

/** Decodes what the URL parser has encoded; a lone % stands for itself. */
function decode (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
