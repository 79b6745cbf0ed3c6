import { useEffect, useState } from 'preact/hooks'
import { generation, isReachable } from './api.ts'

export interface Resource<T> {
  readonly data: T | undefined
  readonly error: Error | undefined
  readonly isLoading: boolean
}

/**
 * Loads data when a key changes, and again when a lost server returns. What was loaded before stays until then.
 *
 * @param key everything that `load` depends on; undefined loads nothing
 */
export function useResource<T> (key: string | undefined, load: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const [resource, setResource] = useState<Resource<T>>({ data: undefined, error: undefined, isLoading: true })
  const current = generation.value
  useEffect(() => {
    if (key === undefined) return
    const controller = new AbortController()
    setResource(({ data }) => ({ data, error: undefined, isLoading: true }))
    load(controller.signal).then(
      data => { if (!controller.signal.aborted) setResource({ data, error: undefined, isLoading: false }) },
      error => {
        // The notice about the server is enough.
        const reported = isReachable.value ? error : undefined
        if (!controller.signal.aborted) setResource({ data: undefined, error: reported, isLoading: false })
      }
    )
    return () => controller.abort()
  }, [key, current])
  return resource
}
