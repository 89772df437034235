// Framing and the header's faults.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { arbitraryMessageBytes } from "../../src/testing/wire.ts"
import { encodeNotification, frame, headerFault, keepalive, MessageType, writeHeader } from "../../src/wire/index.ts"

const header = (length: number, type: number): Uint8Array => {
  const bytes = new Uint8Array(19)
  writeHeader(bytes, 0, length, type)
  return bytes
}

describe("frame", () => {
  it("gives the length of every well-formed message, whatever stands before and behind it", () => {
    fc.assert(
      fc.property(fc.uint8Array(), arbitraryMessageBytes, fc.uint8Array(), (before, message, after) => {
        const bytes = Uint8Array.of(...before, ...message, ...after)
        expect(frame(bytes, before.length, bytes.length, 65535)).toBe(message.length)
      })
    )
  })

  it("gives the length before the body has come", () => {
    expect(frame(header(4096, MessageType.Update), 0, 19, 4096)).toBe(4096)
  })

  it("waits for a whole header", () => {
    expect(frame(keepalive(), 0, 18, 4096)).toBe(0)
  })

  it("refuses a marker that is not all ones [RFC 4271 §6.1]", () => {
    for (let index = 0; index < 16; index++) {
      const bytes = keepalive()
      bytes[index] = 0x7f
      expect(frame(bytes, 0, 19, 4096)).toBe(-1)
      expect(headerFault(bytes, 0, -1)).toEqual({ code: 1, subcode: 1, data: new Uint8Array(0) })
    }
  })

  it.each([
    ["shorter than a header", 18, MessageType.Keepalive, 4096],
    ["longer than 4096 without extended messages", 4097, MessageType.Update, 4096],
    ["an OPEN of 28", 28, MessageType.Open, 4096],
    ["an UPDATE of 22", 22, MessageType.Update, 4096],
    ["a NOTIFICATION of 20", 20, MessageType.Notification, 4096],
    ["a KEEPALIVE of 20", 20, MessageType.Keepalive, 4096],
    ["an OPEN over 4096 with extended messages [RFC 8654 §4]", 4097, MessageType.Open, 65535]
  ])("refuses %s with the length as data [RFC 4271 §6.1]", (_, length, type, maxBytes) => {
    const bytes = header(length, type)
    expect(frame(bytes, 0, 19, maxBytes)).toBe(-2)
    expect(headerFault(bytes, 0, -2)).toEqual({ code: 1, subcode: 2, data: Uint8Array.of(length >> 8, length & 255) })
  })

  it("takes a long UPDATE where extended messages were negotiated [RFC 8654]", () => {
    expect(frame(header(65535, MessageType.Update), 0, 19, 65535)).toBe(65535)
  })

  it.each([0, 6, 255])("refuses type %i with the type as data [RFC 4271 §6.1]", (type) => {
    const bytes = header(19, type)
    expect(frame(bytes, 0, 19, 4096)).toBe(-3)
    expect(encodeNotification(headerFault(bytes, 0, -3)).subarray(19)).toEqual(Uint8Array.of(1, 3, type))
  })
})
