import type { BatchFormat } from './format.ts'
import { json } from './json.ts'
import { npz } from './npz.ts'
import { safetensors } from './safetensors.ts'

/** The wire formats of batches; the first is the default. */
export const batchFormats: readonly BatchFormat[] = [json, npz, safetensors]
