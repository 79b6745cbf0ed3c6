/** Values that the page remembers. Where the browser blocks site data, it forgets them when it is closed. */
export interface PageStorage {
  get (key: string): string | undefined
  set (key: string, value: string): void
}

/** The members of the browser's storage that are used. */
interface BrowserStorage {
  getItem (key: string): string | null
  setItem (key: string, value: string): void
}

/** @param open the browser's storage; may throw, even when it is only accessed */
export function openStorage (open: () => BrowserStorage): PageStorage {
  const values = new Map<string, string>()
  const attempt = <T>(access: (storage: BrowserStorage) => T): T | undefined => {
    try {
      return access(open())
    } catch {
      return undefined
    }
  }
  return {
    get: key => values.get(key) ?? attempt(storage => storage.getItem(key)) ?? undefined,
    set (key, value) {
      values.set(key, value)
      attempt(storage => storage.setItem(key, value))
    }
  }
}
