import type { Selection } from '../../batch/batch.ts'
import type { Dtype } from '../../batch/options.ts'
import type { PreparedDataset } from '../../dataset/prepared.ts'
import { defaults, type BatchParameters } from '../openapi/schemas/parameter-schemas.ts'
import { assertNoErrors } from './query-errors.ts'

/** How samples are normalized, encoded and laid out. */
export type Preparation = Pick<Selection, 'normalization' | 'dtype' | 'labels' | 'layout'>

type PreparationQuery = Pick<BatchParameters, keyof Preparation>

/** Magnitudes from here on round to infinity as float16. */
const FLOAT16_OVERFLOW = 65520

/** @throws ServiceError invalid_parameter if the normalization does not have the dtype */
export function resolvePreparation (query: PreparationQuery, { levels }: Pick<PreparedDataset, 'levels'>): Preparation {
  const { normalization = defaults.normalization, labels = defaults.labels, layout = defaults.layout } = query
  const isLarge = normalization === 'standard' && largestMagnitude(levels.standard) >= FLOAT16_OVERFLOW
  const dtypes: readonly Dtype[] = normalization === 'raw' ? ['uint8'] : isLarge ? ['float32'] : ['float32', 'float16']
  const { dtype = dtypes[0]! } = query
  if (!dtypes.includes(dtype)) {
    const reason = isLarge ? ' and exceeds float16, as σ is tiny' : ''
    const allowed = `${dtypes.join(' or ')} where normalization is ${normalization}${reason}`
    assertNoErrors([{ parameter: 'dtype', detail: `dtype must be ${allowed}, got '${dtype}'`, allowed }])
  }
  return { normalization, dtype, labels, layout }
}

function largestMagnitude (values: Float32Array): number {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
}
