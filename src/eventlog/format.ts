// The log as bytes: a header, then batches, each with its length and two checksums. docs/EVENTLOG.md describes it byte by byte and
// says what will stay. A batch is encoded into a buffer that is used again and again; nothing is allocated per record (ADR-0004).
import { assert, type Micros } from "../machine/index.ts"
import type { Batch, EventRecord } from "./batch.ts"
import { putText, putU32, putU64, textBytes } from "./bytes.ts"
import { crc32c } from "./checksum.ts"

/** The version that this program writes. It reads this and every earlier one. */
export const FORMAT_VERSION = 2
/** The first eight bytes. A transfer as text, in either direction, breaks them. */
export const MAGIC: ReadonlyArray<number> = [0x89, 0x42, 0x57, 0x4c, 0x0d, 0x0a, 0x1a, 0x0a]
/** Magic, format version, length of the fields. */
export const HEADER_FIXED_BYTES = 16
/** Length of the body, checksum of the body, checksum of these two. */
export const BATCH_HEAD_BYTES = 12
/** Sequence, time and number of records: the start of a body. */
export const BATCH_FIXED_BYTES = 20
/** Kind and length of a record. */
export const RECORD_HEAD_BYTES = 5

/** The first byte of a record. */
export const RecordKind = {
  Bytes: 1,
  Connection: 2,
  Timer: 3,
  Kernel: 4,
  Command: 5,
  Quantum: 6,
  Checkpoint: 7,
  /** Since version 2. */
  Followed: 8
} as const

export interface LogHeader {
  readonly formatVersion: number
  /** What wrote the log. Replaying with another program may diverge where behaviour changed; reading never does. */
  readonly programVersion: string
  readonly startedAt: Micros
  /** The chance that the run was given. */
  readonly seed: number
}

export const encodeHeader = (header: Omit<LogHeader, "formatVersion">): Uint8Array => {
  const version = textBytes(header.programVersion)
  const fieldsLength = 8 + 4 + 4 + version
  const bytes = new Uint8Array(HEADER_FIXED_BYTES + fieldsLength + 4)
  bytes.set(MAGIC)
  putU32(bytes, 8, FORMAT_VERSION)
  putU32(bytes, 12, fieldsLength)
  putU64(bytes, 16, header.startedAt)
  putU32(bytes, 24, header.seed)
  putU32(bytes, 28, version)
  const end = putText(bytes, 32, header.programVersion)
  putU32(bytes, end, crc32c(bytes, 0, end))
  return bytes
}

/** Encodes batches one after the other into one growing buffer: `bytes` from 0 to `length`, to be written and cleared. */
export class BatchWriter {
  bytes: Uint8Array
  length = 0

  constructor(capacityBytes = 64 * 1024) {
    this.bytes = new Uint8Array(capacityBytes)
  }

  clear(): void {
    this.length = 0
  }

  append(batch: Batch): void {
    let bodyLength = BATCH_FIXED_BYTES
    for (const record of batch.records) bodyLength += RECORD_HEAD_BYTES + payloadBytes(record)
    assert(bodyLength <= 0xffff_ffff, "a batch is shorter than 4 GiB")
    assert(Number.isSafeInteger(batch.seq) && batch.seq >= 0, "a sequence number is a count")
    assert(Number.isSafeInteger(batch.at) && batch.at >= 0, "time is whole microseconds")
    const from = this.length
    const body = from + BATCH_HEAD_BYTES
    const end = body + bodyLength
    if (end > this.bytes.length) this.grow(end)
    const bytes = this.bytes
    putU64(bytes, body, batch.seq)
    putU64(bytes, body + 8, batch.at)
    putU32(bytes, body + 16, batch.records.length)
    let at = body + BATCH_FIXED_BYTES
    for (const record of batch.records) at = putRecord(bytes, at, record)
    assert(at === end, "a batch is as long as was counted")
    putU32(bytes, from, bodyLength)
    putU32(bytes, from + 4, crc32c(bytes, body, end))
    putU32(bytes, from + 8, crc32c(bytes, from, from + 8))
    this.length = end
  }

  private grow(needed: number): void {
    const larger = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
  }
}

/** One batch as the log holds it. */
export const encodeBatch = (batch: Batch): Uint8Array => {
  const writer = new BatchWriter(256)
  writer.append(batch)
  return writer.bytes.slice(0, writer.length)
}

const payloadBytes = (record: EventRecord): number => {
  switch (record._tag) {
    case "Bytes":
      return 4 + record.bytes.length
    case "Connection":
      return 5 + 12 + textBytes(record.remote) + textBytes(record.local) + textBytes(record.cause)
    case "Timer":
    case "Quantum":
      return 4
    case "Kernel":
    case "Followed":
      return 1 + record.bytes.length
    case "Command":
      return textBytes(record.json)
    case "Checkpoint":
      return 8
  }
}

const putRecord = (bytes: Uint8Array, from: number, record: EventRecord): number => {
  const at = from + RECORD_HEAD_BYTES
  const end = putPayload(bytes, at, record)
  bytes[from] = RecordKind[record._tag]
  putU32(bytes, from + 1, end - at)
  return end
}

const putPayload = (bytes: Uint8Array, at: number, record: EventRecord): number => {
  switch (record._tag) {
    case "Bytes":
      putU32(bytes, at, record.conn)
      bytes.set(record.bytes, at + 4)
      return at + 4 + record.bytes.length
    case "Connection": {
      putU32(bytes, at, record.conn)
      bytes[at + 4] = record.change
      const remoteEnd = putCountedText(bytes, at + 5, record.remote)
      return putCountedText(bytes, putCountedText(bytes, remoteEnd, record.local), record.cause)
    }
    case "Timer":
      putU32(bytes, at, record.timer)
      return at + 4
    case "Kernel":
      bytes[at] = record.channel
      bytes.set(record.bytes, at + 1)
      return at + 1 + record.bytes.length
    case "Followed":
      bytes[at] = record.news
      bytes.set(record.bytes, at + 1)
      return at + 1 + record.bytes.length
    case "Command":
      return putText(bytes, at, record.json)
    case "Quantum":
      putU32(bytes, at, record.nodes)
      return at + 4
    case "Checkpoint":
      putU32(bytes, at, record.stateDigest)
      putU32(bytes, at + 4, record.effectDigest)
      return at + 8
  }
}

const putCountedText = (bytes: Uint8Array, at: number, text: string): number => {
  const end = putText(bytes, at + 4, text)
  putU32(bytes, at, end - at - 4)
  return end
}
