import type { Selection } from '../../batch/batch.ts'
import type { Dtype } from '../../batch/options.ts'
import { defaults, type BatchParameters } from '../openapi/schemas/parameter-schemas.ts'
import { assertNoErrors } from './query-errors.ts'

/** How samples are normalized, encoded and laid out. */
export type Preparation = Pick<Selection, 'normalization' | 'dtype' | 'labels' | 'layout'>

type PreparationQuery = Pick<BatchParameters, keyof Preparation>

/** @throws ServiceError invalid_parameter if the normalization does not have the dtype */
export function resolvePreparation (query: PreparationQuery): Preparation {
  const { normalization, labels, layout } = { ...defaults, ...query }
  const dtypes: readonly Dtype[] = normalization === 'raw' ? ['uint8'] : ['float32', 'float16']
  const { dtype = dtypes[0]! } = query
  if (!dtypes.includes(dtype)) {
    const allowed = `${dtypes.join(' or ')} where normalization is ${normalization}`
    assertNoErrors([{ parameter: 'dtype', detail: `dtype must be ${allowed}, got '${dtype}'`, allowed }])
  }
  return { normalization, dtype, labels, layout }
}
