// Columns are typed arrays indexed by an identity (prefix, path-list). They grow by copying, never shrink, and start as zeros, so zero
// always means "nothing here".

export type Column = Int32Array | Uint32Array | Uint16Array | Uint8Array

/** A longer copy. The old column is garbage as soon as the caller assigns the result. */
export const grown = <Grown extends Column>(column: Grown, length: number): Grown => {
  const make = column.constructor as new (length: number) => Grown
  const larger = new make(length)
  larger.set(column)
  return larger
}
