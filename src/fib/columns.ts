// Columns are typed arrays indexed by an identity (prefix, path-list). They grow by moving, never shrink, and start as zeros, so zero
// always means "nothing here".

export type Column = Int32Array | Uint32Array | Uint16Array | Uint8Array

/** A column with more elements. The old one is gone, its memory with it: the collector would be late, and these are megabytes. */
export const grown = <Grown extends Column>(column: Grown, length: number): Grown => {
  const make = column.constructor as new (buffer: ArrayBufferLike) => Grown
  return new make((column.buffer as ArrayBuffer).transfer(length * column.BYTES_PER_ELEMENT))
}
