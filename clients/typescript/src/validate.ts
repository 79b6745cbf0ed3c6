/** Throws a TypeError or a RangeError if an option has a value that is not allowed. */
export type Rule = (name: string, value: unknown) => void

export type Rules<Options> = { readonly [name in keyof Options]-?: Rule }

function createRule<T> (allowed: string, isType: (value: unknown) => value is T, accepts: (value: T) => boolean): Rule {
  return (name, value) => {
    if (!isType(value)) throw new TypeError(`${name} must be ${allowed}, got ${show(value)}`)
    if (!accepts(value)) throw new RangeError(`${name} must be ${allowed}, got ${show(value)}`)
  }
}

export function integer (minimum: number, maximum = Infinity, alternative?: string): Rule {
  const range = maximum === Infinity ? `an integer of at least ${minimum}` : `an integer from ${minimum} to ${maximum}`
  const allowed = alternative === undefined ? range : `${show(alternative)} or ${range}`
  const isType = (value: unknown): value is number | string => {
    return typeof value === 'number' || (alternative !== undefined && typeof value === 'string')
  }
  return createRule(allowed, isType, value => {
    if (typeof value === 'string') return value === alternative
    return Number.isSafeInteger(value) && value >= minimum && value <= maximum
  })
}

export function seconds (minimum: number): Rule {
  return createRule(`a number of seconds of at least ${minimum}`, value => typeof value === 'number',
    value => value >= minimum)
}

export function choice (...values: readonly (string | number)[]): Rule {
  const allowed = values.map(show)
  const last = allowed.pop()
  const isType = (value: unknown): value is string | number => typeof value === typeof values[0]
  return createRule(allowed.length > 0 ? `${allowed.join(', ')} or ${last}` : String(last), isType, value => {
    return values.includes(value)
  })
}

export const text = createRule('a text', value => typeof value === 'string', value => value.length > 0)
export const flag = createRule('true or false', value => typeof value === 'boolean', () => true)
export const callback = createRule('a function', value => typeof value === 'function', () => true)
export const abortSignal = createRule('an AbortSignal', (value): value is AbortSignal => {
  return typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value
}, () => true)

/**
 * Checks names and values. An option that is undefined counts as not given.
 *
 * @param suggestions what to write in place of names that do not exist
 * @throws TypeError, RangeError
 */
export function assertOptions<Options> (
  options: unknown, rules: Rules<Options>, suggestions: Readonly<Record<string, string>> = {}
): asserts options is Options {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new TypeError(`the options must be an object, got ${show(options)}`)
  }
  const names = Object.keys(rules)
  for (const [name, value] of Object.entries(options)) {
    if (Object.hasOwn(suggestions, name)) throw new TypeError(`there is no option ${name}: ${suggestions[name]}`)
    if (!Object.hasOwn(rules, name)) {
      const nearest = findNearest(name, names)
      const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`
      throw new TypeError(`there is no option ${show(name)}${hint}; there are: ${names.join(', ')}`)
    }
    if (value !== undefined) rules[name as keyof Options](name, value)
  }
}

/** A value for an error, not too long. */
export function show (value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`
  if (typeof value === 'bigint') return `${value}n`
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}

function findNearest (name: string, names: readonly string[]): string | undefined {
  const distances = names.map(candidate => editDistance(normalize(name), normalize(candidate)))
  const smallest = Math.min(...distances)
  return smallest <= Math.max(1, name.length / 3) ? names[distances.indexOf(smallest)] : undefined
}

/** snake_case and camelCase are the same name. */
function normalize (name: string): string {
  return name.slice(0, 40).replaceAll(/[_-]/g, '').toLowerCase()
}

/** Letters that have to be added, left out or replaced. */
function editDistance (from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, j) => j)
  for (let i = 1; i <= from.length; i++) {
    const current = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = previous[j - 1]! + Number(from[i - 1] !== to[j - 1])
      current.push(Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1))
    }
    previous = current
  }
  return previous.at(-1)!
}
