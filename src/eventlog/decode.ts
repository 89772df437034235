// Header and batches out of bytes whose checksums have been compared. What does not fit the format all the same was written by a
// program that errs or that is newer than its version says: it is named as a flaw with its byte, never guessed at.
import { type Batch, ConnectionChange, type EventRecord, FollowedNews, KernelChannel } from "./batch.ts"
import { getText, getU32, getU64 } from "./bytes.ts"
import { crc32c } from "./checksum.ts"
import {
  BATCH_FIXED_BYTES,
  FORMAT_VERSION,
  HEADER_FIXED_BYTES,
  type LogHeader,
  RECORD_HEAD_BYTES,
  RecordKind
} from "./format.ts"

/** Something is wrong at an index into the bytes that were given. */
export interface Flaw {
  readonly _tag: "Flaw"
  readonly at: number
  readonly what: string
}

export const isFlaw = (value: object): value is Flaw => "_tag" in value && value._tag === "Flaw"

/** The header and the index after it; `undefined` when it goes on after `to`. The magic has been compared already. */
export const decodeHeader = (
  bytes: Uint8Array,
  from: number,
  to: number
): { readonly header: LogHeader; readonly end: number } | Flaw | undefined => {
  const version = getU32(bytes, from + 8)
  const length = getU32(bytes, from + 12)
  // Without this bound a damaged length would look like a header that is still being written.
  if (length > HEADER_FIELDS_BYTES_MAX) return flaw(from + 12, `a header of ${length} bytes`)
  const at = from + HEADER_FIXED_BYTES
  const end = at + length
  if (end + 4 > to) return undefined
  if (crc32c(bytes, from, end) !== getU32(bytes, end)) return flaw(from, "the header does not match its checksum")
  if (version === 0 || version > FORMAT_VERSION) {
    return flaw(from + 8, `format version ${version}; this program reads versions 1 to ${FORMAT_VERSION}`)
  }
  // Fields may be added after those that are known here.
  if (length < 16 || getU32(bytes, at + 12) > length - 16) return flaw(from + 12, "the header is too short")
  const programVersion = getText(bytes, at + 16, at + 16 + getU32(bytes, at + 12))
  if (programVersion === undefined) return flaw(at + 16, "the program version is not text")
  const startedAt = getU64(bytes, at)
  if (!Number.isSafeInteger(startedAt)) return flaw(at, "a time after the year 2255")
  return { header: { formatVersion: version, programVersion, startedAt, seed: getU32(bytes, at + 8) }, end: end + 4 }
}

/** The batch whose body lies from `from` to `end`. Payloads are views. */
export const decodeBody = (bytes: Uint8Array, from: number, end: number): Batch | Flaw => {
  if (end - from < BATCH_FIXED_BYTES) return flaw(from, "a batch without a beginning")
  const seq = getU64(bytes, from)
  const time = getU64(bytes, from + 8)
  if (!Number.isSafeInteger(seq)) return flaw(from, "a sequence number beyond 2^53")
  if (!Number.isSafeInteger(time)) return flaw(from + 8, "a time after the year 2255")
  const count = getU32(bytes, from + 16)
  const records: Array<EventRecord> = []
  let at = from + BATCH_FIXED_BYTES
  for (let index = 0; index < count; index++) {
    if (end - at < RECORD_HEAD_BYTES) return flaw(at, `record ${index} of ${count} is missing`)
    const payload = at + RECORD_HEAD_BYTES
    const length = getU32(bytes, at + 1)
    if (length > end - payload) return flaw(at + 1, "a record is longer than its batch")
    const record = decodeRecord(bytes[at], bytes, payload, payload + length)
    if (record === undefined) return flaw(at, `a record of kind ${bytes[at]} with ${length} bytes makes no sense`)
    records.push(record)
    at = payload + length
  }
  if (at !== end) return flaw(at, `something follows the last of ${count} records`)
  return { seq, at: time, records }
}

const decodeRecord = (kind: number, bytes: Uint8Array, at: number, end: number): EventRecord | undefined => {
  const length = end - at
  switch (kind) {
    case RecordKind.Bytes:
      return length < 4 ? undefined : { _tag: "Bytes", conn: getU32(bytes, at), bytes: bytes.subarray(at + 4, end) }
    case RecordKind.Connection:
      return decodeConnection(bytes, at, end)
    case RecordKind.Timer:
      return length !== 4 ? undefined : { _tag: "Timer", timer: getU32(bytes, at) }
    case RecordKind.Kernel: {
      const channel = KERNEL_CHANNELS.find((known) => length > 0 && known === bytes[at])
      return channel === undefined ? undefined : { _tag: "Kernel", channel, bytes: bytes.subarray(at + 1, end) }
    }
    case RecordKind.Followed: {
      const news = FOLLOWED_NEWS.find((known) => length > 0 && known === bytes[at])
      return news === undefined ? undefined : { _tag: "Followed", news, bytes: bytes.subarray(at + 1, end) }
    }
    case RecordKind.Command: {
      const json = getText(bytes, at, end)
      return json === undefined ? undefined : { _tag: "Command", json }
    }
    case RecordKind.Quantum:
      return length !== 4 ? undefined : { _tag: "Quantum", nodes: getU32(bytes, at) }
    case RecordKind.Checkpoint:
      return length !== 8
        ? undefined
        : { _tag: "Checkpoint", stateDigest: getU32(bytes, at), effectDigest: getU32(bytes, at + 4) }
    default:
      return undefined
  }
}

const decodeConnection = (bytes: Uint8Array, from: number, end: number): EventRecord | undefined => {
  if (end - from < 5) return undefined
  const change = CONNECTION_CHANGES.find((known) => known === bytes[from + 4])
  if (change === undefined) return undefined
  const texts: Array<string> = []
  let at = from + 5
  for (let index = 0; index < 3; index++) {
    if (end - at < 4 || getU32(bytes, at) > end - at - 4) return undefined
    const textEnd = at + 4 + getU32(bytes, at)
    const text = getText(bytes, at + 4, textEnd)
    if (text === undefined) return undefined
    texts.push(text)
    at = textEnd
  }
  if (at !== end) return undefined
  const [remote, local, cause] = texts as [string, string, string]
  return { _tag: "Connection", conn: getU32(bytes, from), change, remote, local, cause }
}

const flaw = (at: number, what: string): Flaw => ({ _tag: "Flaw", at, what })

const CONNECTION_CHANGES = Object.values(ConnectionChange)
const FOLLOWED_NEWS = Object.values(FollowedNews)
const KERNEL_CHANNELS = Object.values(KernelChannel)
const HEADER_FIELDS_BYTES_MAX = 65_536
