import { Type } from 'typebox'
import { splitNames } from '../../../dataset/entry.ts'

/** What a path names. */

export const DatasetParams = Type.Object({
  dataset: Type.String({ description: 'Name of a dataset.', examples: ['mnist'] })
})

export const FileParams = Type.Object({
  ...DatasetParams.properties,
  file: Type.String({ description: 'Name of a file, as its publisher calls it, with `.gz` or without.', examples: ['t10k-labels-idx1-ubyte.gz'] })
})

export const SplitParams = Type.Object({
  ...DatasetParams.properties,
  split: Type.String({ description: `Name of a split: ${splitNames.join(', ')}.`, examples: ['train'] })
})

export const SampleParams = Type.Object({
  ...SplitParams.properties,
  id: Type.Integer({ minimum: 0, description: 'Position of the sample in the split, from 0.', examples: [0] })
})
