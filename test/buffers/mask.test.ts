// The capability mask: the original's examples hold under its own rule, and the corrected rule lets a message pass exactly where every
// property that its bytes depend on agrees.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  canPassThrough,
  hasBit,
  type Mask,
  MaskBit,
  maskOf,
  requirementOf,
  sourceRequirementOf
} from "../../src/buffers/index.ts"

const { External, FourOctetAs, ExtendedMessage, AddPathIpv4Unicast, AddPathIpv6Unicast, Ipv4Unicast, Ipv6Unicast } =
  MaskBit
const anyMask = fc.subarray(Object.values(MaskBit)).map(maskOf)
const anyFamilies = fc.subarray([Ipv4Unicast, Ipv6Unicast, MaskBit.FlowSpecv6, MaskBit.BgpLs])
const facts = (families: ReadonlyArray<MaskBit>, lengthBytes = 100, asNumbers = true) => ({
  lengthBytes,
  plainBytesMax: 4096,
  families,
  asNumbers
})

describe("capability mask", () => {
  it("has the bits it was made of and no others", () => {
    fc.assert(
      fc.property(fc.subarray(Object.values(MaskBit)), (bits) => {
        const mask = maskOf(bits)
        for (const bit of Object.values(MaskBit)) expect(hasBit(mask, bit)).toBe(bits.includes(bit))
      })
    )
  })

  it("gives the answers of the original's own examples under the original's rule", () => {
    const required = sourceRequirementOf(maskOf([External, FourOctetAs, AddPathIpv4Unicast]))
    const passes = (bits: ReadonlyArray<MaskBit>): boolean => canPassThrough(maskOf(bits), required)
    expect(passes([External, FourOctetAs, AddPathIpv4Unicast])).toBe(true)
    expect(passes([External, FourOctetAs, AddPathIpv4Unicast, ExtendedMessage])).toBe(true)
    expect(passes([External, FourOctetAs])).toBe(false)
    expect(passes([FourOctetAs, AddPathIpv4Unicast])).toBe(false)
    expect(passes([External, AddPathIpv4Unicast])).toBe(false)
  })

  it("lets a sender's message pass to a peer with the same mask, whatever it holds of the sender's families", () => {
    fc.assert(
      fc.property(
        anyMask,
        anyFamilies,
        fc.boolean(),
        fc.integer({ min: 19, max: 65_535 }),
        (mask, wanted, as, length) => {
          const families = wanted.filter((family) => hasBit(mask, family))
          const lengthBytes = hasBit(mask, ExtendedMessage) ? length : Math.min(length, 4096)
          expect(canPassThrough(mask, requirementOf(mask, facts(families, lengthBytes, as)))).toBe(true)
        }
      )
    )
  })

  it("agrees with a list of questions asked one by one", () => {
    const dumb = (sender: Mask, peer: Mask, families: ReadonlyArray<MaskBit>, length: number, as: boolean): boolean => {
      const same = (bit: MaskBit): boolean => hasBit(sender, bit) === hasBit(peer, bit)
      if (!same(External)) return false
      if (as && !same(FourOctetAs)) return false
      if (length > 4096 && !hasBit(peer, ExtendedMessage)) return false
      if (!families.every((family) => hasBit(peer, family))) return false
      if (families.includes(Ipv4Unicast) && !same(AddPathIpv4Unicast)) return false
      if (families.includes(Ipv6Unicast) && !same(AddPathIpv6Unicast)) return false
      return !families.includes(MaskBit.FlowSpecv6) || same(MaskBit.AddPathFlowSpec)
    }
    // Few differences at a time, or nothing would ever pass.
    const flips = fc.subarray(Object.values(MaskBit), { maxLength: 3 }).map(maskOf)
    fc.assert(
      fc.property(
        anyMask,
        flips,
        anyFamilies,
        fc.constantFrom(100, 5000),
        fc.boolean(),
        (sender, flip, families, length, as) => {
          const peer = { low: (sender.low ^ flip.low) >>> 0, high: (sender.high ^ flip.high) >>> 0 }
          expect(canPassThrough(peer, requirementOf(sender, facts(families, length, as)))).toBe(
            dumb(sender, peer, families, length, as)
          )
        }
      ),
      { numRuns: 1000 }
    )
  })

  it("asks nothing of extended messages for a short one, though its sender has them [RFC 8654 §4]", () => {
    const sender = maskOf([ExtendedMessage, FourOctetAs, Ipv4Unicast])
    const plain = maskOf([FourOctetAs, Ipv4Unicast])
    expect(canPassThrough(plain, requirementOf(sender, facts([Ipv4Unicast], 4096)))).toBe(true)
    expect(canPassThrough(plain, requirementOf(sender, facts([Ipv4Unicast], 4097)))).toBe(false)
  })

  it("keeps NLRI without path identifiers from a peer that expects them, which the original lets pass [RFC 7911 §3]", () => {
    const sender = maskOf([FourOctetAs, Ipv4Unicast])
    const peer = maskOf([FourOctetAs, Ipv4Unicast, AddPathIpv4Unicast])
    expect(canPassThrough(peer, sourceRequirementOf(sender))).toBe(true)
    expect(canPassThrough(peer, requirementOf(sender, facts([Ipv4Unicast])))).toBe(false)
  })

  it("does not care for ADD-PATH of a family that the message does not hold", () => {
    const sender = maskOf([FourOctetAs, Ipv4Unicast, Ipv6Unicast, AddPathIpv6Unicast])
    const peer = maskOf([FourOctetAs, Ipv4Unicast, Ipv6Unicast])
    expect(canPassThrough(peer, requirementOf(sender, facts([Ipv4Unicast])))).toBe(true)
    expect(canPassThrough(peer, requirementOf(sender, facts([Ipv6Unicast])))).toBe(false)
  })
})
