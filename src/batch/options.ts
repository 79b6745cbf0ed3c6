/** The values that a client may choose from for the representation of a batch, and for the pages of an epoch. */

export const normalizations = ['centered', 'unit', 'standard', 'raw'] as const
export const labelEncodings = ['onehot', 'index'] as const
export const layouts = ['flat', 'nhwc', 'nchw'] as const
export const dtypes = ['float32', 'float16', 'uint8'] as const
export const remainders = ['keep', 'drop', 'pad'] as const

export type Normalization = (typeof normalizations)[number]
export type LabelEncoding = (typeof labelEncodings)[number]
export type Layout = (typeof layouts)[number]
/** Element type of images, under its NumPy name. */
export type Dtype = (typeof dtypes)[number]
/** How the samples after the last full page are treated. */
export type Remainder = (typeof remainders)[number]
