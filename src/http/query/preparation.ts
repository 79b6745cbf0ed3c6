import type { Dtype, LabelEncoding, Layout, Normalization } from '../../dataset/entry.ts'
import type { Selection } from '../../batch/batch.ts'
import { refuse } from './errors.ts'
import { defaults } from '../openapi/schemas/defaults.ts'

/** The parameters that say how samples are prepared. */
export interface PreparationQuery {
  readonly normalization?: Normalization
  readonly dtype?: Dtype
  readonly labels?: LabelEncoding
  readonly layout?: Layout
}

export type Preparation = Pick<Selection, 'normalization' | 'dtype' | 'labels' | 'layout'>

/** @throws ServiceError invalid_parameter where the dtype is none of the normalization's */
export function preparationOf (query: PreparationQuery): Preparation {
  const { normalization, labels, layout } = { ...defaults, ...query }
  const dtypes: readonly Dtype[] = normalization === 'raw' ? ['uint8'] : ['float32', 'float16']
  const { dtype = dtypes[0]! } = query
  if (!dtypes.includes(dtype)) {
    const allowed = `${dtypes.join(' or ')} where normalization is ${normalization}`
    refuse([{ parameter: 'dtype', detail: `dtype must be ${allowed}, got '${dtype}'`, allowed }])
  }
  return { normalization, dtype, labels, layout }
}
