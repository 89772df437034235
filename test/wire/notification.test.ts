// NOTIFICATION and ROUTE-REFRESH: bytes, and the words that people read.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { arbitraryFault, arbitraryRouteRefresh } from "../../src/testing/wire.ts"
import {
  communicationOf,
  decodeNotification,
  decodeRouteRefresh,
  describeNotification,
  encodeNotification,
  encodeRouteRefresh,
  frame,
  keepalive,
  shutdownCommunication
} from "../../src/wire/index.ts"
import { hex } from "./bytes.ts"

describe("a NOTIFICATION", () => {
  it("comes back from its bytes", () => {
    fc.assert(
      fc.property(arbitraryFault, (fault) => {
        const bytes = encodeNotification(fault)
        expect(frame(bytes, 0, bytes.length, 4096)).toBe(bytes.length)
        expect(decodeNotification(bytes, 0, bytes.length)).toEqual(fault)
      })
    )
  })

  it("is never longer than any peer takes [RFC 4271 §4.1]", () => {
    const bytes = encodeNotification({ code: 3, subcode: 9, data: new Uint8Array(60_000) })
    expect(frame(bytes, 0, bytes.length, 4096)).toBe(4096)
  })

  it("can always be described", () => {
    fc.assert(
      fc.property(arbitraryFault, (fault) => {
        expect(describeNotification(fault)).not.toBe("")
      })
    )
  })

  it.each([
    ["0101", "Message Header Error, Connection Not Synchronized"],
    ["0102 0012", "Message Header Error, Bad Message Length: length 18"],
    ["0103 09", "Message Header Error, Bad Message Type: type 9"],
    ["0201 0004", "OPEN Message Error, Unsupported Version Number: version 4 is supported"],
    ["0200", "OPEN Message Error"],
    ["0207 0104", "OPEN Message Error, Unsupported Capability: 0104"],
    ["020b", "OPEN Message Error, Role Mismatch"],
    ["030a", "UPDATE Message Error, Invalid Network Field"],
    ["0400", "Hold Timer Expired"],
    ["0503 01", "Finite State Machine Error, Unexpected Message in Established: received OPEN"],
    ["0601 0002010000ea60", "Cease, Maximum Number of Prefixes Reached: ipv6-unicast, limit 60000"],
    ["0602", "Cease, Administrative Shutdown"],
    ["0602 03 6a c3b6", 'Cease, Administrative Shutdown: "jö"'],
    ["0602 02 6a c3", "Cease, Administrative Shutdown: 026ac3"],
    ["0602 09 6a", "Cease, Administrative Shutdown: 096a"],
    ["0609", "Cease, Hard Reset"],
    ["0609 0602 02 6f6b", 'Cease, Hard Reset: Cease, Administrative Shutdown: "ok"'],
    ["0609 0609 0602", "Cease, Hard Reset: 06090602"],
    ["060a", "Cease, BFD Down"],
    ["0701", "ROUTE-REFRESH Message Error, Invalid Message Length"],
    ["0800", "Send Hold Timer Expired"],
    ["4263", "error 66, subcode 99"]
  ])("%s says: %s", (bytes, text) => {
    const [code, subcode, ...data] = hex(bytes)
    expect(describeNotification({ code: code!, subcode: subcode!, data: Uint8Array.from(data) })).toBe(text)
  })

  it("of more data than anybody reads is cut short", () => {
    expect(describeNotification({ code: 3, subcode: 1, data: new Uint8Array(4000) }).length).toBeLessThan(200)
  })
})

describe("a shutdown communication [RFC 9003]", () => {
  it("comes back, as long as it fits", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }), (text) => {
        const data = shutdownCommunication(text)
        const back = communicationOf({ code: 6, subcode: 2, data })
        expect(data.length).toBeLessThanOrEqual(256)
        expect(data[0]).toBe(data.length - 1)
        expect(Buffer.from(data.subarray(1)).toString()).toBe(back)
        expect(text.startsWith(back!)).toBe(true)
        if (Buffer.byteLength(text) <= 255) expect(back).toBe(text)
      })
    )
  })

  it("is cut between characters", () => {
    const data = shutdownCommunication("ä".repeat(200))
    expect(communicationOf({ code: 6, subcode: 4, data })).toBe("ä".repeat(127))
  })

  it("without text is no data at all", () => {
    expect(shutdownCommunication("")).toEqual(new Uint8Array(0))
  })

  it.each(["c080", "e08080", "f0808080", "eda080", "f4908080", "80", "c3", "ff"])(
    "that is not UTF-8 (%s) is no text [RFC 3629 §3]",
    (bytes) => {
      const data = hex(bytes)
      const fault = { code: 6, subcode: 2, data: Uint8Array.of(data.length, ...data) }
      expect(communicationOf(fault)).toBeUndefined()
    }
  )
})

describe("a KEEPALIVE", () => {
  it("is a header [RFC 4271 §4.4]", () => {
    expect(keepalive()).toEqual(hex("ffffffffffffffffffffffffffffffff001304"))
  })
})

describe("a ROUTE-REFRESH", () => {
  it("comes back from its bytes", () => {
    fc.assert(
      fc.property(arbitraryRouteRefresh, (refresh) => {
        const bytes = encodeRouteRefresh(refresh)
        expect(decodeRouteRefresh(bytes, 0, bytes.length)).toEqual(refresh)
      })
    )
  })

  it("with filters is a request all the same [RFC 5291]", () => {
    const bytes = hex("ffffffffffffffffffffffffffffffff001b05 0001 00 01 01400001")
    expect(decodeRouteRefresh(bytes, 0, bytes.length)).toEqual({ afi: 1, safi: 1, subtype: 0 })
  })

  it.each(["001605 0001 00", "001405 00", "001305", "001805 0001 01 01 00", "001805 0001 02 01 00"])(
    "of the wrong length (%s) is answered with itself [RFC 7313 §5]",
    (rest) => {
      const bytes = hex(`ffffffffffffffffffffffffffffffff${rest}`)
      expect(frame(bytes, 0, bytes.length, 4096)).toBe(bytes.length)
      expect(decodeRouteRefresh(bytes, 0, bytes.length)).toEqual({ code: 7, subcode: 1, data: bytes })
    }
  )
})
