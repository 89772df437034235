// Whatever comes from outside is judged, never thrown: messages that something has happened to, and plain noise.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  arbitraryContext,
  arbitraryMessageBytes,
  arbitraryMutation,
  arbitraryUpdateBytes
} from "../../src/testing/wire.ts"
import {
  ATTRIBUTE_KIND,
  decodeAttributes,
  decodeNlri,
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  decodeToJson,
  describeNotification,
  encodeAttributes,
  encodeOpen,
  frame,
  headerFault,
  isFault,
  isNlriSpan,
  reconcileAs4,
  scanUpdate,
  type UpdateContext,
  UpdateView,
  Verdict
} from "../../src/wire/index.ts"

const damaged = fc.tuple(arbitraryMessageBytes, arbitraryMutation).map(([message, mutate]) => mutate(message))
const damagedUpdate = fc
  .tuple(arbitraryUpdateBytes, arbitraryMutation, fc.boolean())
  .map(([[context, message], mutate, external]): readonly [UpdateContext, Uint8Array] => [
    { ...context, external },
    mutate(message)
  ])
const anyBytes = fc.oneof(damaged, fc.uint8Array({ maxLength: 80 }))

const scanFramed = (view: UpdateView, bytes: Uint8Array, context: UpdateContext): boolean => {
  if (frame(bytes, 0, bytes.length, 65535) !== bytes.length || bytes[18] !== 2) return false
  scanUpdate(view, bytes, 0, bytes.length, context)
  return true
}

describe("a damaged message", () => {
  it("is framed or refused, read or answered", () => {
    fc.assert(
      fc.property(anyBytes, arbitraryContext, (bytes, { as4, addPath }) => {
        const length = frame(bytes, 0, bytes.length, 4096)
        if (length < 0) describeNotification(headerFault(bytes, 0, length))
        if (length <= 0 || length > bytes.length) return
        const open = decodeOpen(bytes, 0, length)
        if (!isFault(open)) encodeOpen(open)
        decodeRouteRefresh(bytes, 0, length)
        describeNotification(decodeNotification(bytes, 0, length))
        reconcileAs4(decodeAttributes(bytes, 19, length, as4, addPath))
      }),
      { numRuns: 1000 }
    )
  })

  it("is JSON that holds together", () => {
    fc.assert(
      fc.property(fc.array(anyBytes, { maxLength: 3 }), arbitraryContext, (parts, context) => {
        const bytes = Uint8Array.from(parts.flatMap((part) => [...part]))
        const messages = decodeToJson(bytes, context)
        expect(JSON.parse(JSON.stringify(messages))).toEqual(messages)
        const lengths = messages.reduce((sum, message) => sum + Number(message["length"]), 0)
        expect(lengths).toBe(bytes.length)
      }),
      { numRuns: 500 }
    )
  })
})

describe("the verdict about a damaged UPDATE", () => {
  it("is a fault exactly when the session ends", () => {
    const view = new UpdateView()
    fc.assert(
      fc.property(damagedUpdate, ([context, bytes]) => {
        if (!scanFramed(view, bytes, context)) return
        expect(view.fault !== undefined).toBe(view.verdict === Verdict.Reset)
        expect(view.notes.length > 0).toBe(view.verdict !== Verdict.Keep)
        const worst = Math.max(0, ...view.notes.map((note) => note.verdict))
        expect(worst).toBe(view.verdict)
      }),
      { numRuns: 2000 }
    )
  })

  it("leaves only prefixes that can be read without checks", () => {
    const view = new UpdateView()
    fc.assert(
      fc.property(damagedUpdate, ([context, bytes]) => {
        if (!scanFramed(view, bytes, context) || view.verdict === Verdict.Reset) return
        const [ipv4, ipv6] = context.addPath
        const spans: Array<readonly [number, number, boolean, number]> = [
          [view.withdrawnAt, view.withdrawnEnd, ipv4, 32],
          [view.nlriAt, view.nlriEnd, ipv4, 32]
        ]
        const add = (family: number, at: number, end: number): void => {
          if (family >= 0) spans.push(family === 0 ? [at, end, ipv4, 32] : [at, end, ipv6, 128])
        }
        add(view.reachFamily, view.reachNlriAt, view.reachNlriEnd)
        add(view.unreachFamily, view.unreachNlriAt, view.unreachNlriEnd)
        for (const [at, end, addPath, bitsMax] of spans) {
          expect(isNlriSpan(bytes, at, end, addPath, bitsMax)).toBe(true)
          for (const { length } of decodeNlri(bytes, at, end, bitsMax === 32 ? 4 : 6, addPath)) {
            expect(length).toBeLessThanOrEqual(bitsMax)
          }
        }
      }),
      { numRuns: 2000 }
    )
  })

  it("leaves only attributes that are what their type promises", () => {
    const view = new UpdateView()
    fc.assert(
      fc.property(damagedUpdate, ([context, bytes]) => {
        if (!scanFramed(view, bytes, context) || view.verdict > Verdict.Discard) return
        const omitted = view.discarded.filter((type) => view.valueAt[type]! < 0)
        const { as4, addPath } = context
        const read = decodeAttributes(bytes, view.attributesAt, view.attributesEnd, as4, addPath, omitted)
        const opaque = (read.unknown ?? []).map(({ type }) => type).filter((type) => ATTRIBUTE_KIND[type] !== 0)
        // Kept as bytes on purpose: 25, 35, and the families that we do not speak.
        expect(opaque.filter((type) => ![14, 15, 25, 35].includes(type))).toEqual([])
        expect(opaque.includes(14)).toBe(view.reachFamily === -2)
        expect(opaque.includes(15)).toBe(view.unreachFamily === -2)
        expect(encodeAttributes(read, as4, addPath).length).toBeLessThanOrEqual(view.attributesEnd - view.attributesAt)
      }),
      { numRuns: 2000 }
    )
  })

  it("leaves offsets inside the message even when the session ends", () => {
    const view = new UpdateView()
    fc.assert(
      fc.property(damagedUpdate, ([context, bytes]) => {
        if (!scanFramed(view, bytes, context)) return
        const ends = [view.withdrawnEnd, view.attributesEnd, view.nlriEnd, view.reachNlriEnd, view.unreachNlriEnd]
        for (const end of ends) expect(end).toBeLessThanOrEqual(bytes.length)
        for (const [type, at] of view.valueAt.entries()) {
          if (at >= 0) expect(at + view.valueLength[type]!).toBeLessThanOrEqual(bytes.length)
        }
      }),
      { numRuns: 1000 }
    )
  })
})
