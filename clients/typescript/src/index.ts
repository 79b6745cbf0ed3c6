export { Batch } from './batch.js'
export { Client, Dataset, Epochs, Split } from './client.js'
export type { ClientOptions, DatasetDescription, Sample } from './client.js'
export type { Resumable, State } from './epochs.js'
export { BatchServerError, StateError } from './errors.js'
export type { ErrorCode, Problem } from './errors.js'
export type {
  AnyImages, AnyLabels, AnyMask, EpochOptions, GatherOptions, Images, Labels, Mask, Remainder, SampleOptions, SplitName
} from './options.js'
export { detectRank } from './ranks.js'
export type { Rank } from './ranks.js'
export type { Tensor, TensorData } from './safetensors.js'
export type { components, paths } from './schema.js'
