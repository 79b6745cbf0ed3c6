import { envSchema } from 'env-schema'
import { ServiceError } from '../errors.ts'
import { describeAllowed, type ValueSchema } from './describe-schema.ts'
import { environment, type Environment, type Variables } from './environment.ts'
import { createTextRules } from './text-rules.ts'

/**
 * Converts the variables of the settings, and fills in defaults.
 *
 * @param datasets names of the datasets in the catalogue
 * @throws ServiceError invalid_configuration: names every invalid variable and its allowed values
 */
export function validate (datasets: readonly string[], env: Variables): Environment {
  const names = Object.keys(environment.properties) as Array<keyof Environment>
  const data = Object.fromEntries(names.filter(name => env[name]?.trim()).map(name => [name, env[name]!]))
  const textRules = createTextRules(datasets, data)
  const invalid = new Set<string>(names.filter(name => {
    const value = data[name]
    return value !== undefined && (isInfinite(name, value) || textRules[name]?.accepts(value) === false)
  }))
  try {
    const values = envSchema<Environment>({ schema: environment, data, env: false })
    if (invalid.size === 0) return values
  } catch (cause) {
    const { errors } = cause as { errors: ReadonlyArray<{ instancePath: string }> }
    for (const { instancePath } of errors) invalid.add(instancePath.slice(1))
  }
  const messages = names.filter(name => invalid.has(name)).map(name => {
    const allowed = textRules[name]?.allowed ?? describeAllowed(environment.properties[name])
    const value = addressLists.includes(name) ? withoutSecrets(env[name]!) : env[name]
    return `${name} must be ${allowed}, got '${value}'`
  })
  throw new ServiceError('invalid_configuration', messages.join('; '))
}

/** Settings whose values may have credentials. */
const addressLists: ReadonlyArray<keyof Environment> = [
  'MIRRORS', 'OPENML_URL', 'PUBLIC_URL', 'OTEL_EXPORTER_OTLP_ENDPOINT'
]

/** Addresses, valid or not, without credentials and queries. */
function withoutSecrets (addresses: string): string {
  const withoutCredentials = addresses.replaceAll(/:\/\/[^/@]*@/g, '://')
  return withoutCredentials.split(',').map(item => item.replace(/^(.*:\/\/)?.*@/, '$1').replace(/[?#].*/, '')).join(',')
}

/** Ajv accepts infinite numbers whatever the minimum and maximum. */
function isInfinite (name: keyof Environment, value: string): boolean {
  const schema: ValueSchema = environment.properties[name]
  return schema.minimum !== undefined && Math.abs(Number(value)) === Infinity
}
