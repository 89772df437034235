// Go's time.Time as it travels: 15 bytes, or 16 where the zone's offset has seconds (reference: Go's MarshalBinary, versions 1 and 2).
// Kept whole, because a pong must carry its ping's time back to the nanosecond and a JavaScript date cannot.

export interface GoTime {
  /** Since 0001-01-01T00:00:00Z. */
  readonly seconds: bigint
  readonly nanoseconds: number
  /** Seconds east of Greenwich, or the zone UTC itself, which is not the same as an offset of zero. */
  readonly zone: number | "utc"
}

/** Go's zero time. A field that holds it is left out. */
export const ZERO_TIME: GoTime = { seconds: 0n, nanoseconds: 0, zone: "utc" }

export const isZeroTime = (time: GoTime): boolean =>
  time.seconds === 0n && time.nanoseconds === 0 && time.zone === "utc"

/** Text says what is wrong. */
export const decodeGoTime = (bytes: Uint8Array, at: number, end: number): GoTime | string => {
  if (at === end) return "a time without data"
  const version = bytes[at]
  if (version !== 1 && version !== 2) return `a time of version ${version}`
  if (end - at !== (version === 1 ? 15 : 16)) return `a time of ${end - at} bytes`
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, end - at)
  const nanoseconds = view.getInt32(9)
  if (nanoseconds < 0 || nanoseconds >= NANOSECONDS) return `a time of ${nanoseconds} nanoseconds`
  const offset = view.getInt16(13) * 60 + (version === 2 ? view.getInt8(15) : 0)
  return { seconds: view.getBigInt64(1), nanoseconds, zone: offset === -60 ? "utc" : offset }
}

export const encodeGoTime = (time: GoTime): Uint8Array => {
  const offset = time.zone === "utc" ? -60 : time.zone
  const seconds = offset % 60
  const bytes = new Uint8Array(seconds === 0 ? 15 : 16)
  const view = new DataView(bytes.buffer)
  bytes[0] = seconds === 0 ? 1 : 2
  view.setBigInt64(1, time.seconds)
  view.setInt32(9, time.nanoseconds)
  view.setInt16(13, (offset - seconds) / 60)
  if (seconds !== 0) view.setInt8(15, seconds)
  return bytes
}

/** Nanoseconds since 1970, of any time that Go can write. */
export const unixNanosOf = (time: GoTime): bigint =>
  (time.seconds - UNIX_EPOCH) * BigInt(NANOSECONDS) + BigInt(time.nanoseconds)

export const goTimeOfUnixNanos = (unixNanos: bigint): GoTime => {
  const nanoseconds = ((unixNanos % BigInt(NANOSECONDS)) + BigInt(NANOSECONDS)) % BigInt(NANOSECONDS)
  const seconds = (unixNanos - nanoseconds) / BigInt(NANOSECONDS) + UNIX_EPOCH
  return { seconds, nanoseconds: Number(nanoseconds), zone: "utc" }
}

/** 1970 in seconds since the year 1. */
const UNIX_EPOCH = 62_135_596_800n
const NANOSECONDS = 1_000_000_000
