import { EnvHttpProxyAgent, request, type Dispatcher } from 'undici'

/** How patient a client is. */
export interface Patience {
  /** Requests for one thing, each after the one before it failed in a way that may pass. */
  readonly attempts: number
  /** Before the second request this many milliseconds at most, then twice as many each time, up to the limit. */
  readonly backoffMs: number
  readonly backoffLimitMs: number
  /** For a connection, for the head of an answer, and for more of its body. */
  readonly connectMs: number
  readonly headersMs: number
  readonly silenceMs: number
  /** A body of which fewer bytes a second come than this, over so many milliseconds, counts as stalled. */
  readonly slowestBytesPerSecond: number
  readonly slowMs: number
}

export const patient: Patience = {
  attempts: 4,
  backoffMs: 500,
  backoffLimitMs: 8000,
  connectMs: 10_000,
  headersMs: 30_000,
  silenceMs: 30_000,
  slowestBytesPerSecond: 1024,
  slowMs: 30_000
}

/** The web as downloads see it: requests through the proxies of the environment, with redirects followed carefully. */
export class Web {
  readonly patience: Patience
  readonly #dispatcher: Dispatcher

  constructor (patience: Patience = patient, dispatcher?: Dispatcher) {
    this.patience = patience
    // Takes HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in capitals or not, from the environment itself.
    this.#dispatcher = dispatcher ?? new EnvHttpProxyAgent({ connect: { timeout: patience.connectMs }, headersTimeout: patience.headersMs, bodyTimeout: patience.silenceMs })
  }

  /** The answer to a GET; who gets it reads its body or dumps it. */
  async get (address: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    const visited = new Set<string>()
    let url = new URL(address)
    for (;;) {
      const answer = await request(url, { dispatcher: this.#dispatcher, headers, signal })
      const location = REDIRECTS.has(answer.statusCode) ? answer.headers.location : undefined
      if (location === undefined) return answer
      await answer.body.dump({ limit: 65536 }).catch(() => {})
      visited.add(url.href)
      url = nextUrl(url, String(location), visited)
    }
  }

  async close (): Promise<void> {
    await this.#dispatcher.close()
  }
}

const REDIRECTS = new Set([301, 302, 303, 307, 308])
const MOST_REDIRECTS = 3

function nextUrl (from: URL, location: string, visited: ReadonlySet<string>): URL {
  if (!URL.canParse(location, from.href)) throw new Refusal(`redirects to '${location}', which is no address`)
  const to = new URL(location, from.href)
  if (to.protocol !== 'https:' && to.protocol !== from.protocol) throw new Refusal(`redirects from ${from.protocol} to ${to.protocol}, which is not followed`)
  if (visited.has(to.href)) throw new Refusal('redirects in a loop')
  if (visited.size > MOST_REDIRECTS) throw new Refusal(`redirects more than ${MOST_REDIRECTS} times`)
  return to
}

/** A fault that no further request mends. */
export class Refusal extends Error {}
