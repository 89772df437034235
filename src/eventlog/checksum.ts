// CRC-32C (Castagnoli polynomial, reflected, as in RFC 3720 §B.4): a published checksum, so that other programs can read a log. It
// finds every change that lies within 32 adjacent bits, and so every changed byte. Eight tables take eight bytes per turn.

/** The checksum of bytes `from` (inclusive) to `to` (exclusive). */
export const crc32c = (bytes: Uint8Array, from: number, to: number): number => {
  let crc = 0xffffffff
  let at = from
  for (; at + 8 <= to; at += 8) {
    const low = crc ^ (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24))
    crc =
      TABLES[0x700 + (low & 0xff)] ^
      TABLES[0x600 + ((low >>> 8) & 0xff)] ^
      TABLES[0x500 + ((low >>> 16) & 0xff)] ^
      TABLES[0x400 + (low >>> 24)] ^
      TABLES[0x300 + bytes[at + 4]] ^
      TABLES[0x200 + bytes[at + 5]] ^
      TABLES[0x100 + bytes[at + 6]] ^
      TABLES[bytes[at + 7]]
  }
  for (; at < to; at++) crc = TABLES[(crc ^ bytes[at]) & 0xff] ^ (crc >>> 8)
  return ~crc >>> 0
}

/** Table k, at k × 256: the effect of a byte that k more bytes follow. */
const buildTables = (): Int32Array => {
  const tables = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0)
    tables[byte] = crc
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256]
    tables[at] = tables[before & 0xff] ^ (before >>> 8)
  }
  return tables
}

const POLYNOMIAL = 0x82f63b78
const TABLES = buildTables()
