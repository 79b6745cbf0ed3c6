/** An array of a NPY file. */
export interface NpyArray {
  readonly shape: readonly number[]
  readonly values: Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array |
    Float64Array | BigInt64Array | BigUint64Array
}

const types: Readonly<Record<string, new (buffer: ArrayBuffer) => NpyArray['values']>> = {
  '|u1': Uint8Array,
  '|b1': Uint8Array,
  '|i1': Int8Array,
  '<u2': Uint16Array,
  '<i2': Int16Array,
  '<u4': Uint32Array,
  '<i4': Int32Array,
  '<f4': Float32Array,
  '<f8': Float64Array,
  '<i8': BigInt64Array,
  '<u8': BigUint64Array
}

/** @throws Error what is wrong with the file */
export function readNpy (bytes: ArrayBuffer | Uint8Array): NpyArray {
  const file = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)
  const magic = String.fromCharCode(...file.subarray(1, 6))
  if (file[0] !== 0x93 || magic !== 'NUMPY') throw new Error('it is not a NPY file')
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const isLong = file[6]! > 1
  const start = isLong ? 12 : 10
  const end = start + (isLong ? view.getUint32(8, true) : view.getUint16(8, true))
  const header = new TextDecoder().decode(file.subarray(start, end))
  const descr = /'descr': *'([^']*)'/.exec(header)?.[1] ?? ''
  const sizes = /'shape': *\(([^)]*)\)/.exec(header)?.[1]
  const shape = sizes?.split(',').map(size => size.trim()).filter(Boolean).map(Number)
  const Type = types[descr]
  if (!Type || !shape) throw new Error(`its dtype '${descr}' is not supported`)
  if (/'fortran_order': *True/.test(header)) throw new Error('it is in Fortran order')
  // Copied, since the data may not be aligned.
  const values = new Type(file.slice(end).buffer)
  const count = shape.reduce((product, size) => product * size, 1)
  if (values.length < count) throw new Error(`it has ${values.length} of ${count} values`)
  return { shape, values: values.subarray(0, count) as NpyArray['values'] }
}
