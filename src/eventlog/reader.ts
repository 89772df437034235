// Reads a log as its bytes come in, in chunks of any size. Bytes from a file are from outside: whatever they hold, nothing is thrown
// and no batch is handed out that was not written like this. A log that ends in the middle of a batch was cut off by a crash: that is
// a torn tail, and all before it is good. Anything else that is wrong is corruption, reported with the byte at which it was found.
import type { Batch } from "./batch.ts"
import { getU32 } from "./bytes.ts"
import { crc32c } from "./checksum.ts"
import { decodeBody, decodeHeader, isFlaw } from "./decode.ts"
import { BATCH_HEAD_BYTES, HEADER_FIXED_BYTES, type LogHeader, MAGIC } from "./format.ts"

/** How reading ended. */
export type LogEnd =
  /** The last byte belongs to the last batch. */
  | { readonly _tag: "Complete"; readonly at: number }
  /** The bytes from `at` on are the beginning of something that was not written to its end. */
  | { readonly _tag: "Torn"; readonly at: number; readonly what: string }
  /** The byte at `at` is not what was written. Nothing after it is believed. */
  | { readonly _tag: "Corrupt"; readonly at: number; readonly what: string }

/**
 * `push` bytes, take batches with `next` until it has none, at the end of the bytes ask `finish`. What is pushed must not be changed
 * afterwards: the batches view it.
 */
export class LogReader {
  header: LogHeader | undefined
  /** Where the first byte stands in the file that is not part of the header or of a batch handed out. */
  offset = 0
  private corrupt: LogEnd | undefined
  private bytes: Uint8Array = new Uint8Array(0)
  private from = 0
  private to = 0
  /** Whether `bytes` is ours to append to. */
  private isOwn = false
  private nextSeq = 0
  /** Only zeros from `offset` on so far: a file that grew before its data was written, if nothing else follows. */
  private zeros = false

  push(chunk: Uint8Array): void {
    if (this.corrupt !== undefined) return
    if (this.from === this.to) {
      this.bytes = chunk
      this.from = 0
      this.to = chunk.length
      this.isOwn = false
    } else this.gather(chunk)
  }

  /** The next batch; `undefined` when more bytes are needed, and after corruption. */
  next(): Batch | undefined {
    if (this.corrupt !== undefined) return undefined
    if (this.header === undefined && !this.readHeader()) return undefined
    if (this.zeros || this.to - this.from < BATCH_HEAD_BYTES) return this.skipZeros()
    const { bytes, from } = this
    const bodyLength = getU32(bytes, from)
    if (crc32c(bytes, from, from + 8) !== getU32(bytes, from + 8)) {
      this.zeros = isZero(bytes, from, from + BATCH_HEAD_BYTES)
      return this.zeros ? this.skipZeros() : this.fail(0, "the head of a batch does not match its checksum")
    }
    const body = from + BATCH_HEAD_BYTES
    const end = body + bodyLength
    if (end > this.to) return undefined
    if (crc32c(bytes, body, end) !== getU32(bytes, from + 4)) {
      return this.fail(0, "a batch does not match its checksum")
    }
    const batch = decodeBody(bytes, body, end)
    if (isFlaw(batch)) return this.fail(batch.at - from, batch.what)
    if (batch.seq !== this.nextSeq)
      return this.fail(BATCH_HEAD_BYTES, `batch ${batch.seq} stands where batch ${this.nextSeq} should`)
    this.nextSeq++
    this.consume(end - from)
    return batch
  }

  /** What the end of the bytes means, once `next` has nothing left. Does not change anything: more may be pushed. */
  finish(): LogEnd {
    if (this.corrupt !== undefined) return this.corrupt
    const rest = this.to - this.from
    if (this.header === undefined) return { _tag: "Torn", at: 0, what: `the header ends after ${rest} bytes` }
    if (this.zeros) return { _tag: "Torn", at: this.offset, what: "only zeros follow" }
    if (rest === 0) return { _tag: "Complete", at: this.offset }
    return { _tag: "Torn", at: this.offset, what: `batch ${this.nextSeq} ends after ${rest} bytes` }
  }

  private readHeader(): boolean {
    const { bytes, from, to } = this
    for (let at = 0; at < MAGIC.length && from + at < to; at++) {
      if (bytes[from + at] === MAGIC[at]) continue
      this.fail(at, "this is not a Backwalk log")
      return false
    }
    if (to - from < HEADER_FIXED_BYTES) return false
    const header = decodeHeader(bytes, from, to)
    if (header === undefined) return false
    if (isFlaw(header)) {
      this.fail(header.at - from, header.what)
      return false
    }
    this.header = header.header
    this.consume(header.end - from)
    return true
  }

  private skipZeros(): undefined {
    if (!this.zeros) return undefined
    if (!isZero(this.bytes, this.from, this.to)) return this.fail(0, "a gap of zeros with something after it")
    this.from = this.to
    return undefined
  }

  private consume(length: number): void {
    this.from += length
    this.offset += length
  }

  private fail(after: number, what: string): undefined {
    this.corrupt = { _tag: "Corrupt", at: this.offset + after, what }
    this.bytes = new Uint8Array(0)
    this.from = this.to = 0
    return undefined
  }

  /** Joins a chunk to what is left of those before. Batches handed out view the old bytes: those are left as they are. */
  private gather(chunk: Uint8Array): void {
    const rest = this.to - this.from
    if (!this.isOwn || this.to + chunk.length > this.bytes.length) {
      const joined = new Uint8Array(Math.max(1024, 2 * (rest + chunk.length)))
      joined.set(this.bytes.subarray(this.from, this.to))
      this.bytes = joined
      this.from = 0
      this.to = rest
      this.isOwn = true
    }
    this.bytes.set(chunk, this.to)
    this.to += chunk.length
  }
}

/** Every batch of a log that comes in chunks. The generator's result says how it ended; `reader.header` is set before the first batch. */
export function* readLog(chunks: Iterable<Uint8Array>, reader: LogReader = new LogReader()): Generator<Batch, LogEnd> {
  for (const chunk of chunks) {
    reader.push(chunk)
    for (let batch = reader.next(); batch !== undefined; batch = reader.next()) yield batch
  }
  return reader.finish()
}

/** One sentence for people; the same everywhere. */
export const describeLogEnd = (end: LogEnd): string => {
  switch (end._tag) {
    case "Complete":
      return `complete, ${end.at} bytes`
    case "Torn":
      return `torn at byte ${end.at}: ${end.what}; everything before it is good`
    case "Corrupt":
      return `corrupt at byte ${end.at}: ${end.what}`
  }
}

const isZero = (bytes: Uint8Array, from: number, to: number): boolean => {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false
  return true
}
