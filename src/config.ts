import { envSchema } from 'env-schema'
import { Type, type Static } from 'typebox'
import { describeAllowed, type ValueSchema } from './allowed.ts'
import { backendChoices, denoisers, meanScopes, splitModes, type BackendChoice, type PrepareSettings, type SplitSettings } from './dataset.ts'
import { ServiceError } from './errors.ts'

const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

/** Every setting: its name in the environment, what it may be, and its default. */
export const environment = Type.Object({
  HOST: Type.String({ default: '127.0.0.1', description: 'Address to listen on; the container sets `0.0.0.0`.' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 8080, description: 'Port to listen on; 0 picks a free one.' }),
  DATA_DIR: Type.String({ default: './.data', description: 'Folder of the verified files that came over the network.' }),
  DATASETS: Type.String({ default: 'mnist', description: 'Datasets to serve, separated by commas.' }),
  SPLIT: Type.Enum([...splitModes], { default: 'contiguous', description: 'How `val` is cut off the training samples.' }),
  VAL_FRACTION: Type.Number({ minimum: 0, exclusiveMaximum: 1, default: 0.2, description: 'Share of the training samples that becomes `val`.' }),
  SPLIT_SEED: Type.Integer({ minimum: 0, maximum: 0xffffffff, default: 0, description: 'Seed of `shuffled` and `stratified` splits.' }),
  MEAN_OVER: Type.Enum([...meanScopes], { default: 'train', description: 'Samples that the mean image is taken over.' }),
  DENOISE: Type.Enum([...denoisers], { default: 'none', description: 'Filter on the u8 images before anything else.' }),
  TFJS_BACKEND: Type.Enum([...backendChoices], { default: 'auto', description: 'TensorFlow.js backend; `auto` takes the fastest that works.' }),
  MAX_BATCH_SIZE: Type.Integer({ minimum: 1, maximum: 65536, default: 4096, description: 'Largest `batch_size` that may be asked for.' }),
  LOG_LEVEL: Type.Enum([...logLevels], { default: 'info', description: 'Least level that is logged.' }),
  CORS_ORIGIN: Type.String({ default: '*', description: 'Origins that browsers may read from, separated by commas; `*` for all, `none` for none.' })
})

export interface Config {
  readonly host: string
  readonly port: number
  readonly dataFolder: string
  readonly datasets: readonly string[]
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
    datasets: [...new Set(list(values.DATASETS))],
    split: { mode: values.SPLIT, valFraction: values.VAL_FRACTION, seed: values.SPLIT_SEED },
    prepare: { denoise: values.DENOISE, meanOver: values.MEAN_OVER },
    backend: values.TFJS_BACKEND,
    maxBatchSize: values.MAX_BATCH_SIZE,
    logLevel: values.LOG_LEVEL,
    corsOrigins: list(values.CORS_ORIGIN).filter(origin => origin !== 'none')
  })
}

function validated (known: readonly string[], env: Readonly<Record<string, string | undefined>>): Static<typeof environment> {
  const data = Object.fromEntries(Object.entries(env).filter(([name, value]) => name in environment.properties && value?.trim()))
  const wrong = new Set(Object.keys(data).filter(name => isInfinite(name, data[name]!) || (name === 'DATASETS' && !areKnown(known, data[name]!))))
  try {
    const values = envSchema<Static<typeof environment>>({ schema: environment, data, env: false })
    if (wrong.size === 0) return values
  } catch (cause) {
    for (const { instancePath } of (cause as { errors: ReadonlyArray<{ instancePath: string }> }).errors) wrong.add(instancePath.slice(1))
  }
  const lines = Object.keys(environment.properties).filter(name => wrong.has(name)).map(name => {
    const schema: ValueSchema = environment.properties[name as keyof typeof environment.properties]
    const allowed = name === 'DATASETS' ? `some of ${known.join(', ')}` : describeAllowed(schema)
    return `${name} must be ${allowed}, got '${env[name]}'`
  })
  throw new ServiceError('invalid_configuration', lines.join('; '))
}

/** Ajv holds a number that is not finite against no range. */
function isInfinite (name: string, value: string): boolean {
  const schema: ValueSchema = environment.properties[name as keyof typeof environment.properties]
  return schema.minimum !== undefined && Math.abs(Number(value)) === Infinity
}

function areKnown (known: readonly string[], value: string): boolean {
  const names = list(value)
  return names.length > 0 && names.every(name => known.includes(name))
}

function list (value: string): string[] {
  return value.split(',').map(item => item.trim()).filter(item => item !== '')
}
