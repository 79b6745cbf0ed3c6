import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/**
 * Frees the memory of arrays that nothing refers to any more. V8 does so on its own when it has to manage much memory,
 * but that of WebAssembly does not count. Blocks the thread for some milliseconds.
 */
export function collectGarbage (): void {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}
