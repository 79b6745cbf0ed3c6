import { Type } from 'typebox'

/** Members that bodies of several resources have. */

export const Shape = Type.Array(Type.Integer(), { description: 'Lengths of the dimensions, outermost first.' })
export const Identity = {
  dataset: Type.String(),
  version: Type.String({ description: '16 hexadecimal digits that stand for the data, the settings and the algorithm.' })
}
export const Dtype = Type.String({ description: 'Element type, as NumPy calls it.' })
export const Nested = Type.Array(Type.Unknown(), { description: 'Numbers, nested as the shape says. Each parses back to exactly its value in `dtype`.' })
