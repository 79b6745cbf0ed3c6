import { computed, signal, type ReadonlySignal } from '@preact/signals'

/** The state of the page, all of it in the query string, so that every view has a link. */
const query = signal(new URLSearchParams(location.search))

/** One parameter of the query string. */
export interface Parameter<T> {
  readonly name: string
  readonly value: T
  set (value: T): void
}

/** Milliseconds between updates of the address bar; browsers limit how many there may be. */
const UPDATE_MS = 200
let timer: ReturnType<typeof setTimeout> | undefined

addEventListener('popstate', () => { query.value = new URLSearchParams(location.search) })

function parameter<T> (
  name: string,
  fallback: T,
  parse: (text: string) => T | undefined,
  format: (value: T) => string
): Parameter<T> {
  const text = computed(() => query.value.get(name))
  const current: ReadonlySignal<T> = computed(() => {
    return (text.value === null ? undefined : parse(text.value)) ?? fallback
  })
  return {
    name,
    get value () { return current.value },
    set (value) { update({ [name]: value === fallback ? undefined : format(value) }) }
  }
}

/** Changes parameters; undefined removes one. */
export function update (changes: Readonly<Record<string, string | undefined>>): void {
  const next = new URLSearchParams(query.value)
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) next.delete(name)
    else next.set(name, value)
  }
  if (next.toString() === query.value.toString()) return
  query.value = next
  timer ??= setTimeout(writeUrl, UPDATE_MS)
}

function writeUrl (): void {
  clearTimeout(timer)
  timer = undefined
  history.replaceState(null, '', linkTo({}))
}

/** Opens another view, as a new entry of the history. */
export function navigate (changes: Readonly<Record<string, string | undefined>>): void {
  writeUrl()
  history.pushState(null, '', linkTo(changes))
  query.value = new URLSearchParams(location.search)
}

/** The relative address of this page with other parameters. */
export function linkTo (changes: Readonly<Record<string, string | undefined>>): string {
  const next = new URLSearchParams(query.value)
  for (const [name, value] of Object.entries(changes)) {
    if (value === undefined) next.delete(name)
    else next.set(name, value)
  }
  // More readable, and as valid.
  const text = next.toString().replaceAll('%3A', ':').replaceAll('%2C', ',').replaceAll('%2F', '/')
  return text ? `?${text}` : location.pathname
}

export function text (name: string, fallback: string): Parameter<string> {
  return parameter(name, fallback, value => value, value => value)
}

export function choice<T extends string> (name: string, values: readonly T[], fallback: T): Parameter<T> {
  return parameter(name, fallback, value => values.find(known => known === value), value => value)
}

/** An integer from `minimum` to `maximum`. */
export function integer (name: string, fallback: number, minimum = 0, maximum = 0xffffffff): Parameter<number> {
  const parse = (value: string): number | undefined => {
    return /^\d+$/.test(value) && Number(value) >= minimum && Number(value) <= maximum ? Number(value) : undefined
  }
  return parameter(name, fallback, parse, String)
}

export function optionalInteger (name: string, maximum = 0xffffffff): Parameter<number | undefined> {
  const parse = (value: string): number | undefined => {
    return /^\d+$/.test(value) && Number(value) <= maximum ? Number(value) : undefined
  }
  return parameter<number | undefined>(name, undefined, parse, String)
}
