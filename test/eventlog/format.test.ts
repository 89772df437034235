// The log's bytes: what is written is read back, and nothing else ever is (ADR-0004).
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  type Batch,
  BatchWriter,
  crc32c,
  describeLogEnd,
  encodeBatch,
  encodeHeader,
  type LogEnd,
  LogReader,
  readLog
} from "../../src/eventlog/index.ts"
import { arbitraryBatches, arbitraryHeader } from "../../src/testing/eventlog.ts"

const HEADER = { programVersion: "0.1.0", startedAt: 1_700_000_000_000_000, seed: 7 }

const join = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

const encodeLog = (batches: ReadonlyArray<Batch>, header = HEADER): Uint8Array => {
  const writer = new BatchWriter(16)
  for (const batch of batches) writer.append(batch)
  return join([encodeHeader(header), writer.bytes.slice(0, writer.length)])
}

const readAll = (
  chunks: Iterable<Uint8Array>
): { readonly batches: Array<Batch>; readonly end: LogEnd; readonly reader: LogReader } => {
  const reader = new LogReader()
  const batches: Array<Batch> = []
  const log = readLog(chunks, reader)
  for (let step = log.next(); ; step = log.next()) {
    if (step.done) return { batches, end: step.value, reader }
    batches.push(step.value)
  }
}

function* cut(bytes: Uint8Array, lengths: ReadonlyArray<number>): Generator<Uint8Array> {
  let at = 0
  for (let turn = 0; at < bytes.length; turn++) {
    const length = lengths[turn % lengths.length]!
    yield bytes.slice(at, at + length)
    at += length
  }
}

const SMALL: ReadonlyArray<Batch> = [
  {
    seq: 0,
    at: 1_700_000_000_000_001,
    records: [
      { _tag: "Command", json: `{"command":"shutdown"}` },
      { _tag: "Connection", conn: 0x8000_0000, change: 1, remote: "[::1]:179", local: "[::1]:9", cause: "" }
    ]
  },
  { seq: 1, at: 1_700_000_000_000_002, records: [] },
  {
    seq: 2,
    at: 1_700_000_000_000_003,
    records: [
      { _tag: "Checkpoint", stateDigest: 0xdeadbeef, effectDigest: 1 },
      { _tag: "Bytes", conn: 5, bytes: new Uint8Array([0, 0, 0, 0, 0, 255]) },
      { _tag: "Kernel", channel: 2, bytes: new Uint8Array([1]) },
      { _tag: "Timer", timer: 4 },
      { _tag: "Quantum", nodes: 4096 }
    ]
  }
]

describe("event log", () => {
  it("computes the published checksum [RFC 3720 §B.4]", () => {
    expect(crc32c(new Uint8Array(32), 0, 32)).toBe(0x8a9136aa)
    expect(crc32c(new Uint8Array(32).fill(0xff), 0, 32)).toBe(0x62a8ab43)
    expect(crc32c(new Uint8Array([...Array(32).keys()]), 0, 32)).toBe(0x46dd794e)
  })

  it("reads back what was written, in chunks of any size", () => {
    fc.assert(
      fc.property(
        arbitraryHeader,
        arbitraryBatches(),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 }),
        (header, batches, lengths) => {
          const log = encodeLog(batches, header)
          const read = readAll(cut(log, lengths))
          expect(read.batches).toEqual(batches)
          expect(read.end).toEqual({ _tag: "Complete", at: log.length })
          expect(read.reader.header).toEqual({ formatVersion: 2, ...header })
        }
      ),
      { numRuns: 150 }
    )
  })

  it("hands out batches that later chunks do not alter", () => {
    const log = encodeLog(SMALL)
    expect(readAll(cut(log, [1])).batches).toEqual(SMALL)
  })

  it("calls a log that is cut anywhere inside a batch torn, and keeps every batch before the cut", () => {
    const log = encodeLog(SMALL)
    const ends = SMALL.map((_, count) => encodeLog(SMALL.slice(0, count)).length).concat(log.length)
    for (let length = 0; length <= log.length; length++) {
      const { batches, end } = readAll([log.slice(0, length)])
      const whole = ends.filter((at) => at <= length)
      expect(batches).toEqual(SMALL.slice(0, Math.max(0, whole.length - 1)))
      const last = whole.at(-1) ?? 0
      if (last === length && length > 0) expect(end).toEqual({ _tag: "Complete", at: length })
      else expect(end).toMatchObject({ _tag: "Torn", at: last })
    }
  })

  it("accepts no batch that was not written, whichever byte is changed", () => {
    const log = encodeLog(SMALL)
    for (let at = 0; at < log.length; at++) {
      for (const change of [0x01, 0x80, 0xff]) {
        const damaged = log.slice()
        damaged[at]! ^= change
        const { batches, end } = readAll([damaged])
        expect(batches).toEqual(SMALL.slice(0, batches.length))
        expect(end._tag, `byte ${at} ^ ${change}`).not.toBe("Complete")
        expect(end.at).toBeLessThanOrEqual(at)
        // Only a damaged length of the header can look like a header that is not written yet.
        if (at < 12 || at >= 16) expect(end._tag).toBe("Corrupt")
      }
    }
  })

  it("accepts no batch that was not written, whatever bytes are overwritten, and never throws", () => {
    fc.assert(
      fc.property(
        arbitraryBatches(4),
        fc.nat(),
        fc.uint8Array({ minLength: 1, maxLength: 40 }),
        (batches, place, bytes) => {
          const log = encodeLog(batches)
          const damaged = log.slice()
          damaged.set(bytes.subarray(0, log.length), place % Math.max(1, log.length - bytes.length))
          const read = readAll([damaged])
          expect(read.batches).toEqual(batches.slice(0, read.batches.length))
        }
      ),
      { numRuns: 300 }
    )
  })

  it("never throws on bytes that are no log at all", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, withHeader) => {
        const read = readAll([withHeader ? join([encodeHeader(HEADER), bytes]) : bytes])
        expect(read.batches).toEqual([])
      })
    )
  })

  it("says at once that a file is something else", () => {
    const { end } = readAll([new Uint8Array([0x23, 0x21])])
    expect(describeLogEnd(end)).toBe("corrupt at byte 0: this is not a Backwalk log")
  })

  it("reads a log of the first version", () => {
    const header = encodeHeader(HEADER)
    header[11] = 1
    const end = header.length - 4
    new DataView(header.buffer).setUint32(end, crc32c(header, 0, end))
    const read = readAll([join([header, ...SMALL.map(encodeBatch)])])
    expect([read.reader.header?.formatVersion, read.batches]).toEqual([1, SMALL])
  })

  it("refuses a newer format and says which it reads", () => {
    const header = encodeHeader(HEADER)
    header[11] = 9
    const end = header.length - 4
    new DataView(header.buffer).setUint32(end, crc32c(header, 0, end))
    expect(describeLogEnd(readAll([header]).end)).toBe(
      "corrupt at byte 8: format version 9; this program reads versions 1 to 2"
    )
  })

  it("reads a header that a later program of the same format version gave more fields", () => {
    const header = encodeHeader(HEADER)
    const longer = join([header.subarray(0, header.length - 4), new Uint8Array([1, 2, 3]), new Uint8Array(4)])
    const view = new DataView(longer.buffer)
    view.setUint32(12, view.getUint32(12) + 3)
    view.setUint32(longer.length - 4, crc32c(longer, 0, longer.length - 4))
    const read = readAll([join([longer, encodeBatch(SMALL[0]!)])])
    expect(read.reader.header).toEqual({ formatVersion: 2, ...HEADER })
    expect(read.batches).toEqual([SMALL[0]])
  })

  it("refuses a log from which a batch is missing", () => {
    const log = join([encodeHeader(HEADER), encodeBatch(SMALL[0]!), encodeBatch(SMALL[2]!)])
    const { batches, end } = readAll([log])
    expect(batches).toEqual([SMALL[0]])
    expect(end).toMatchObject({ _tag: "Corrupt", what: "batch 2 stands where batch 1 should" })
  })

  it("takes zeros up to the end for a torn tail, and zeros with something after them for corruption", () => {
    const log = encodeLog(SMALL)
    const zeros = new Uint8Array(5000)
    expect(readAll(cut(join([log, zeros]), [64])).end).toEqual({
      _tag: "Torn",
      at: log.length,
      what: "only zeros follow"
    })
    expect(readAll(cut(join([log, zeros, encodeBatch(SMALL[0]!)]), [64])).end).toMatchObject({
      _tag: "Corrupt",
      at: log.length
    })
  })

  it("names a record kind that its version does not have instead of skipping it", () => {
    const batch = encodeBatch({ seq: 0, at: 0, records: [{ _tag: "Timer", timer: 1 }] })
    batch[12 + 20] = 99
    const view = new DataView(batch.buffer)
    view.setUint32(4, crc32c(batch, 12, batch.length))
    view.setUint32(8, crc32c(batch, 0, 8))
    const header = encodeHeader(HEADER)
    expect(readAll([join([header, batch])]).end).toEqual({
      _tag: "Corrupt",
      at: header.length + 32,
      what: "a record of kind 99 with 4 bytes makes no sense"
    })
  })

  it("encodes batches one after the other into the same buffer", () => {
    const writer = new BatchWriter(8)
    for (const batch of SMALL) writer.append(batch)
    expect(writer.bytes.slice(0, writer.length)).toEqual(join(SMALL.map(encodeBatch)))
    writer.clear()
    writer.append(SMALL[1]!)
    expect(writer.bytes.slice(0, writer.length)).toEqual(encodeBatch(SMALL[1]!))
  })
})
