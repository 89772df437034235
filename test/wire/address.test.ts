// Addresses and prefixes: text in, text out, and back. The platform's own parser is the second opinion.
import { isIP } from "node:net"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { arbitraryAddress, arbitraryPrefix } from "../../src/testing/wire.ts"
import {
  addressFromBytes,
  addressToBytes,
  formatAddress,
  formatPrefix,
  formatPrefixWords,
  parseAddress,
  parsePrefix
} from "../../src/wire/index.ts"

const anyAddress = fc.oneof(arbitraryAddress(4), arbitraryAddress(6))

describe("addresses", () => {
  it("come back from their text", () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        expect(parseAddress(formatAddress(address))).toEqual(address)
      })
    )
  })

  it("come back from their bytes", () => {
    fc.assert(
      fc.property(anyAddress, (address) => {
        expect(addressFromBytes(address.family, addressToBytes(address), 0)).toEqual(address)
      })
    )
  })

  it("have the text that the platform gives them [RFC 5952 §4]", () => {
    fc.assert(
      fc.property(
        arbitraryAddress(6).filter(({ words }) => words[2] !== 0xffff),
        (address) => {
          const text = formatAddress(address)
          expect(`[${text}]`).toBe(new URL(`http://[${text}]/`).hostname)
        }
      )
    )
  })

  it.each([
    ["::", "::"],
    ["::1", "::1"],
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["fe80::", "fe80::"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["::192.0.2.1", "::c000:201"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["255.255.255.255", "255.255.255.255"]
  ])("%s is written %s [RFC 5952]", (given, written) => {
    expect(formatAddress(parseAddress(given)!)).toBe(written)
  })

  it.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.4 ",
    "1.2.3.-4",
    ":",
    ":::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "1::2::3",
    "12345::",
    "g::",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "::1%eth0",
    ":1::2"
  ])("%j is none", (text) => {
    expect(parseAddress(text)).toBeUndefined()
    if (!text.includes("%")) expect(isIP(text)).toBe(0)
  })

  it("takes exactly the texts that the platform takes", () => {
    const unit = fc.constantFrom(..."0123456789abcf:.:.:")
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 20 }), (text) => {
        expect(parseAddress(text)?.family ?? 0).toBe(isIP(text))
      }),
      { numRuns: 2000 }
    )
  })
})

describe("prefixes", () => {
  const anyPrefix = fc.oneof(arbitraryPrefix(4), arbitraryPrefix(6))

  it("come back from their text", () => {
    fc.assert(
      fc.property(anyPrefix, (prefix) => {
        expect(parsePrefix(formatPrefix(prefix))).toEqual(prefix)
      })
    )
  })

  it("are written from a column as from an object", () => {
    fc.assert(
      fc.property(anyPrefix, (prefix) => {
        expect(formatPrefixWords(prefix.family, Uint32Array.of(7, ...prefix.words), 1, prefix.length)).toBe(
          formatPrefix(prefix)
        )
      })
    )
  })

  it.each(["10.0.0.1/8", "2001:db8::1/64", "10.0.0.0/33", "::/129", "10.0.0.0", "10.0.0.0/", "10.0.0.0/08", "/8"])(
    "%j is none",
    (text) => {
      expect(parsePrefix(text)).toBeUndefined()
    }
  )
})
