// UPDATE messages that are as they should be: what was put in is found again, where the view says that it is.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { arbitraryContext, arbitraryNlri, arbitraryUpdate, arbitraryUpdateBytes } from "../../src/testing/wire.ts"
import {
  type Attributes,
  decodeAttributes,
  decodeNlri,
  encodeEndOfRib,
  encodeNlri,
  encodeUpdate,
  frame,
  isNlriSpan,
  scanUpdate,
  UpdateView,
  Verdict
} from "../../src/wire/index.ts"

const PLAIN = { as4: true, addPath: [false, false], external: false, extended: false } as const

const scan = (bytes: Uint8Array, context: Parameters<typeof scanUpdate>[4]): UpdateView => {
  const view = new UpdateView()
  scanUpdate(view, bytes, 0, bytes.length, context)
  return view
}

describe("an UPDATE", () => {
  it("is found again, with and without path identifiers, wherever it stands in the bytes", () => {
    const cases = arbitraryContext.chain((context) =>
      fc.tuple(fc.constant(context), arbitraryUpdate(context), fc.uint8Array({ maxLength: 30 }))
    )
    const view = new UpdateView()
    fc.assert(
      fc.property(cases, ([context, update, before]) => {
        const { as4, addPath } = context
        const message = encodeUpdate(update, context)
        const bytes = Uint8Array.of(...before, ...message, 1, 2, 3)
        const at = before.length
        expect(frame(bytes, at, bytes.length, 65535)).toBe(message.length)
        expect(scanUpdate(view, bytes, at, message.length, context)).toBe(Verdict.Keep)
        expect(decodeNlri(bytes, view.withdrawnAt, view.withdrawnEnd, 4, addPath[0])).toEqual(update.withdrawn)
        expect(decodeNlri(bytes, view.nlriAt, view.nlriEnd, 4, addPath[0])).toEqual(update.nlri)
        const decoded = decodeAttributes(bytes, view.attributesAt, view.attributesEnd, as4, addPath)
        if (as4) expect(decoded).toEqual(update.attributes)
        const { mpReach, mpUnreach } = update.attributes as Attributes
        expect(view.reachFamily).toBe(mpReach === undefined ? -1 : 1)
        expect(view.unreachFamily).toBe(mpUnreach === undefined ? -1 : 1)
        expect(decodeNlri(bytes, view.reachNlriAt, view.reachNlriEnd, 6, addPath[1])).toEqual(mpReach?.nlri ?? [])
        expect(decodeNlri(bytes, view.unreachNlriAt, view.unreachNlriEnd, 6, addPath[1])).toEqual(mpUnreach?.nlri ?? [])
        expect(view.reachNextHopLength).toBe(16 * (mpReach?.nextHops.length ?? 0))
      })
    )
  })

  it("shows each attribute where its value is, with its flags", () => {
    fc.assert(
      fc.property(arbitraryUpdateBytes, ([context, message]) => {
        const view = scan(message, context)
        const shown = [...view.valueAt.keys()].filter((type) => view.valueAt[type]! >= 0)
        let at = view.attributesAt
        const walked: Array<number> = []
        while (at < view.attributesEnd) {
          const [flags, type] = [message[at]!, message[at + 1]!]
          const header = (flags & 0x10) === 0 ? 3 : 4
          expect([view.flags[type], view.valueAt[type]]).toEqual([flags, at + header])
          at += header + view.valueLength[type]!
          walked.push(type)
        }
        expect(at).toBe(view.attributesEnd)
        expect(shown).toEqual(walked.toSorted((a, b) => a - b))
      })
    )
  })

  it("seen by a used view looks as by a new one", () => {
    const used = new UpdateView()
    fc.assert(
      fc.property(arbitraryUpdateBytes, ([context, message]) => {
        scanUpdate(used, message, 0, message.length, context)
        const fresh = scan(message, context)
        const open = (view: UpdateView) => [
          view.verdict,
          view.endOfRib,
          view.reachFamily,
          view.unreachFamily,
          view.valueAt
        ]
        expect(open(used)).toEqual(open(fresh))
      })
    )
  })
})

describe("the End-of-RIB marker [RFC 4724 §2]", () => {
  it.each([
    [0, 23],
    [1, 29]
  ])("of family %i has %i octets and is recognised", (family, length) => {
    const marker = encodeEndOfRib(family)
    expect(marker.length).toBe(length)
    expect(scan(marker, PLAIN)).toMatchObject({ verdict: Verdict.Keep, endOfRib: family })
  })

  it("is known in the multiprotocol form for IPv4 too", () => {
    const marker = encodeUpdate({ attributes: { mpUnreach: { afi: 1, safi: 1, nlri: [] } } }, PLAIN)
    expect(scan(marker, PLAIN).endOfRib).toBe(0)
  })

  it("is not an UPDATE that has anything else in it", () => {
    const prefix = { family: 4, words: [0x0a000000], length: 8 } as const
    const empty = { afi: 2, safi: 1, nlri: [] }
    expect(scan(encodeUpdate({ withdrawn: [prefix] }, PLAIN), PLAIN).endOfRib).toBe(-1)
    expect(scan(encodeUpdate({ withdrawn: [prefix], attributes: { mpUnreach: empty } }, PLAIN), PLAIN).endOfRib).toBe(
      -1
    )
    expect(scan(encodeUpdate({ attributes: { mpUnreach: empty, med: 1 } }, PLAIN), PLAIN).endOfRib).toBe(-1)
    expect(scan(encodeUpdate({ attributes: { med: 1 } }, PLAIN), PLAIN).endOfRib).toBe(-1)
  })

  it("of a family that we do not speak is none of ours", () => {
    const marker = encodeUpdate({ attributes: { mpUnreach: { afi: 25, safi: 70, nlri: [] } } }, PLAIN)
    expect(scan(marker, PLAIN)).toMatchObject({ verdict: Verdict.Keep, endOfRib: -1, unreachFamily: -2 })
  })
})

describe("prefixes", () => {
  it("come back from their bytes", () => {
    const cases = fc
      .tuple(fc.constantFrom<4 | 6>(4, 6), fc.boolean())
      .chain(([family, addPath]) => fc.tuple(fc.constant(family), fc.constant(addPath), arbitraryNlri(family, addPath)))
    fc.assert(
      fc.property(cases, ([family, addPath, nlri]) => {
        const bytes = encodeNlri(nlri, addPath)
        expect(isNlriSpan(bytes, 0, bytes.length, addPath, family === 4 ? 32 : 128)).toBe(true)
        expect(decodeNlri(bytes, 0, bytes.length, family, addPath)).toEqual(nlri)
      })
    )
  })

  it("lose the bits beyond their length [RFC 4271 §4.3]", () => {
    expect(decodeNlri(Uint8Array.of(9, 0x0a, 0xff), 0, 3, 4, false)).toEqual([
      { family: 4, words: [0x0a800000], length: 9 }
    ])
  })
})
