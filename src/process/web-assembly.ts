import { readFileSync } from 'node:fs'
import { ServiceError } from '../errors.ts'

/** V8 reserves up to 10 GiB for each memory of WebAssembly, of which there are several per dataset and thread. */
const MIN_ADDRESS_SPACE = 64 * 2 ** 30

/**
 * Images are written and augmented by WebAssembly.
 *
 * @param limits as in /proc/self/limits
 * @throws ServiceError invalid_configuration if Node.js was started without it, or with too little address space
 */
export function assertWebAssembly (limits = readLimits()): void {
  if (!('WebAssembly' in globalThis)) {
    const detail = 'this process has no WebAssembly, which it needs: start Node.js without --jitless'
    throw new ServiceError('invalid_configuration', detail)
  }
  const [, bytes] = /^Max address space +(\d+) /m.exec(limits) ?? []
  if (bytes !== undefined && Number(bytes) < MIN_ADDRESS_SPACE) {
    const detail = `the address space is limited to ${bytes} bytes (ulimit -v), but WebAssembly reserves more than ` +
      'it uses: run ulimit -v unlimited first, and limit the memory by a cgroup instead'
    throw new ServiceError('invalid_configuration', detail)
  }
}

/** Only Linux has this file, and enforces the limit. */
function readLimits (): string {
  try {
    return readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return ''
  }
}
