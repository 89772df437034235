// Columns are typed arrays indexed by a small number: an id, a slot. They begin as zeros, so zero always means "nothing here", and they grow
// by moving. Zeros that nobody has written take no memory: a large array is pages that the system has promised and not handed out. So a
// column is promised more than it needs now, and grows seldom; what it costs is what was written to it (ADR-0052).

export type Column = Int32Array | Uint32Array | Uint16Array | Uint8Array | Float32Array

/**
 * A column with more elements. The old one is gone, its memory with it: the collector would be late, and these are megabytes. What is beyond
 * the old elements is not written to; `ArrayBuffer.transfer` to a larger size would fill it with zeros, page by page.
 */
export const grown = <Grown extends Column>(column: Grown, length: number): Grown => {
  const make = column.constructor as new (length: number) => Grown
  const larger = new make(length)
  larger.set(column)
  ;(column.buffer as ArrayBuffer).transfer(0)
  return larger
}

/**
 * Has the system hand out all memory of a column that will be written to everywhere. A page that is read first is the system's page of
 * zeros, and the first write to it a second fault.
 */
export const handOut = (column: Column): void => {
  const step = PAGE_BYTES / column.BYTES_PER_ELEMENT
  for (let index = 0; index < column.length; index += step) column[index] = 0
}

const PAGE_BYTES = 4096

/**
 * What comes after so many elements: twice as many while that is little, and for what has become large at once as many as a full table of
 * the Internet has, here a million prefixes.
 */
export const nextCapacity = (capacity: number, large = 1 << 16, fullTable = 1 << 20): number =>
  capacity >= large && capacity < fullTable ? fullTable : capacity * 2
