import { envSchema } from 'env-schema'
import type { XStatic } from 'typebox/schema'
import { describeAllowed, type ValueSchema } from './io/describe-schema.ts'
import {
  backendChoices, denoisers, meanScopes, sourceNames, splitModes, type BackendChoice, type PrepareSettings, type SourceName, type SplitSettings
} from './dataset/settings.ts'
import { ServiceError } from './errors.ts'

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/**
 * Every setting: its name in the environment, what it may be, and its default. JSON Schema as it is, since a start would wait for
 * a library that builds it.
 */
export const environment = {
  type: 'object',
  properties: {
    HOST: { type: 'string', default: '127.0.0.1', description: 'Address to listen on; the container sets `0.0.0.0`.' },
    PORT: { type: 'integer', minimum: 0, maximum: 65535, default: 8080, description: 'Port to listen on; 0 picks a free one.' },
    DATA_DIR: { type: 'string', default: './.data', description: 'Folder for downloaded files and prepared datasets.' },
    KEEP_PREPARED: { type: 'integer', minimum: 0, maximum: 1000, default: 4, description: 'Prepared datasets to keep in `DATA_DIR`; the least recently used are removed first.' },
    DATASETS: { type: 'string', default: 'mnist', description: 'Datasets to serve, separated by commas; may include folders in `SOURCE_DIR`.' },
    SOURCES: { type: 'string', default: sourceNames.join(','), description: 'Sources of files, in order of preference: see [Sources](#sources).' },
    SOURCE_DIR: { type: 'string', default: '', description: 'Folder with one folder of IDX files, optionally gzipped, per dataset.' },
    MIRRORS: { type: 'string', default: '', description: 'Mirrors to try before the public ones, separated by commas; `{dataset}` is the name.' },
    OPENML_URL: { type: 'string', default: 'https://www.openml.org', description: 'Address of OpenML or a compatible server.' },
    OFFLINE: { enum: ['0', '1'], default: '0', description: '`1` disables network access.' },
    SPLIT: { enum: splitModes, default: 'contiguous', description: 'How `val` is separated from the training samples.' },
    VAL_FRACTION: { type: 'number', minimum: 0, exclusiveMaximum: 1, default: 0.2, description: 'Fraction of the training samples in `val`.' },
    SPLIT_SEED: { type: 'integer', minimum: 0, maximum: 0xffffffff, default: 0, description: 'Seed of `shuffled` and `stratified` splits.' },
    MEAN_OVER: { enum: meanScopes, default: 'train', description: 'Samples that the mean image covers.' },
    DENOISE: { enum: denoisers, default: 'none', description: 'Filter applied to the u8 images first.' },
    TFJS_BACKEND: { enum: backendChoices, default: 'auto', description: 'TensorFlow.js backend; `auto` selects the fastest that works.' },
    MAX_BATCH_SIZE: { type: 'integer', minimum: 1, maximum: 65536, default: 4096, description: 'Largest allowed `batch_size`.' },
    LOG_LEVEL: { enum: logLevels, default: 'info', description: 'Lowest level to log.' },
    CORS_ORIGIN: { type: 'string', default: '*', description: 'Origins that browsers may read from, separated by commas; `*` for all, `none` for none.' }
  }
} as const

export interface Config {
  readonly host: string
  readonly port: number
  readonly dataFolder: string
  readonly keepPrepared: number
  readonly datasets: readonly string[]
  readonly sources: {
    readonly order: readonly SourceName[]
    readonly folder: string | undefined
    readonly mirrors: readonly string[]
    readonly openmlUrl: string
    readonly offline: boolean
  }
  readonly split: SplitSettings
  readonly prepare: PrepareSettings
  readonly backend: BackendChoice
  readonly maxBatchSize: number
  readonly logLevel: (typeof logLevels)[number]
  readonly corsOrigins: readonly string[]
}

/**
 * Reads the configuration from the environment. A variable that is empty or blank counts as not set.
 *
 * @param known names of the datasets that there are
 * @throws ServiceError invalid_configuration: names every variable that is wrong and what it may be
 */
export function loadConfig (known: readonly string[], env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const values = validated(known, env)
  return Object.freeze({
    host: values.HOST,
    port: values.PORT,
    dataFolder: values.DATA_DIR,
    keepPrepared: values.KEEP_PREPARED,
    datasets: list(values.DATASETS),
    sources: {
      order: list(values.SOURCES) as SourceName[],
      folder: values.SOURCE_DIR || undefined,
      mirrors: list(values.MIRRORS).map(withSlash),
      openmlUrl: withSlash(values.OPENML_URL),
      offline: values.OFFLINE === '1'
    },
    split: { mode: values.SPLIT, valFraction: values.VAL_FRACTION, seed: values.SPLIT_SEED },
    prepare: { denoise: values.DENOISE, meanOver: values.MEAN_OVER },
    backend: values.TFJS_BACKEND,
    maxBatchSize: values.MAX_BATCH_SIZE,
    logLevel: values.LOG_LEVEL,
    corsOrigins: list(values.CORS_ORIGIN).filter(origin => origin !== 'none')
  })
}

type Environment = Required<XStatic<typeof environment>>

function validated (known: readonly string[], env: Readonly<Record<string, string | undefined>>): Environment {
  const data = Object.fromEntries(Object.entries(env).filter(([name, value]) => name in environment.properties && value?.trim()))
  const beyondSchema = contents(known, data['SOURCE_DIR'] !== undefined)
  const wrong = new Set(Object.keys(data).filter(name => isInfinite(name, data[name]!) || beyondSchema[name]?.isRight(data[name]!) === false))
  try {
    const values = envSchema<Environment>({ schema: environment, data, env: false })
    if (wrong.size === 0) return values
  } catch (cause) {
    for (const { instancePath } of (cause as { errors: ReadonlyArray<{ instancePath: string }> }).errors) wrong.add(instancePath.slice(1))
  }
  const lines = Object.keys(environment.properties).filter(name => wrong.has(name)).map(name => {
    const schema: ValueSchema = environment.properties[name as keyof Environment]
    return `${name} must be ${beyondSchema[name]?.allowed ?? describeAllowed(schema)}, got '${env[name]}'`
  })
  throw new ServiceError('invalid_configuration', lines.join('; '))
}

/** What a text may hold, where a schema cannot say it. */
interface Content {
  readonly allowed: string
  isRight (value: string): boolean
}

function contents (known: readonly string[], hasFolder: boolean): Readonly<Record<string, Content>> {
  const someOf = (names: readonly string[]): Content => ({
    allowed: `some of ${names.join(', ')}`,
    isRight: value => list(value).length > 0 && list(value).every(name => names.includes(name))
  })
  return {
    DATASETS: hasFolder
      ? { allowed: 'names of small letters, digits, - and _', isRight: value => list(value).length > 0 && list(value).every(name => /^[a-z0-9][a-z0-9_-]*$/.test(name)) }
      : someOf(known),
    SOURCES: someOf(sourceNames),
    MIRRORS: { allowed: 'http or https addresses', isRight: value => list(value).every(isAddress) },
    OPENML_URL: { allowed: 'an http or https address', isRight: isAddress }
  }
}

function isAddress (text: string): boolean {
  return /^https?:\/\//.test(text) && URL.canParse(text)
}

/** Ajv holds a number that is not finite against no range. */
function isInfinite (name: string, value: string): boolean {
  const schema: ValueSchema = environment.properties[name as keyof Environment]
  return schema.minimum !== undefined && Math.abs(Number(value)) === Infinity
}

/** What stands between commas, each once. */
function list (value: string): string[] {
  return [...new Set(value.split(',').map(item => item.trim()).filter(item => item !== ''))]
}

function withSlash (address: string): string {
  return address.endsWith('/') ? address : `${address}/`
}
