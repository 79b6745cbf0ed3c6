import { arrow } from './arrow.ts'
import type { BatchFormat, StreamFormat } from './format.ts'
import { json } from './json/json.ts'
import { ndjson } from './ndjson.ts'
import { npz } from './npz.ts'
import { safetensors } from './safetensors.ts'

/** The wire formats of batches; the first is the default. */
export const batchFormats: readonly BatchFormat[] = [json, npz, safetensors, arrow]

/** The wire formats of streams; the first is the default. */
export const streamFormats: readonly StreamFormat[] = [ndjson, arrow]
