// Received messages, who holds them, and what is kept of them: no use after the last holder has gone, no release too many, everything back
// in the end, and whoever writes sees the bytes that were received. docs/adr/0012, 0036
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  BlockPool,
  canPassThrough,
  hasBit,
  type Mask,
  MaskBit,
  MessageFlag,
  MessageTable,
  maskOf,
  requirementOf
} from "../../src/buffers/index.ts"
import { arbitraryForwarderCommands, Forwarder, newForwarderModel, quiesce } from "../../src/testing/messages.ts"

const MARKER = new Uint8Array(16).fill(0xff)
const MESSAGE = Uint8Array.from([...MARKER, 0, 23, 2, 0, 0, 0, 0])

/** The original: count, flags and mask lie over the marker, which is restored before each write. Count and marker as it has them. */
class Overlaid {
  readonly bytes: Uint8Array = MESSAGE.slice()
  private readonly view = new DataView(this.bytes.buffer)
  isFree = false

  constructor() {
    this.bytes.fill(0, 0, 16)
  }

  get count(): number {
    return this.view.getInt32(0)
  }

  acquire(): void {
    this.view.setInt32(0, this.count + 1)
  }

  write(): Uint8Array {
    this.bytes.set(MARKER)
    return this.bytes.slice()
  }

  release(): void {
    this.view.setInt32(0, this.count - 1)
    if (this.count === 0) this.isFree = true
  }
}

describe("messages", () => {
  it("keep their count, their bytes and their block, whatever caches and writers do", () => {
    fc.assert(
      fc.property(arbitraryForwarderCommands, (commands) => {
        const real = new Forwarder()
        fc.modelRun(() => ({ model: newForwarderModel(), real }), commands)
        quiesce(real)
      }),
      { numRuns: 400 }
    )
  })

  it("lose their count in the original's form with the first of two writes, and are never freed or sent damaged", () => {
    const message = new Overlaid()
    message.acquire()
    message.acquire()
    expect(message.write()).toEqual(MESSAGE)
    // The first write has made −1 of two holders; each release then counts further down, and writes it over the restored marker.
    expect(message.count).toBe(-1)
    message.release()
    expect(message.count).toBe(-2)
    // A writer that has restored the marker before, and is only now taking the bytes, sends this.
    expect(message.bytes.subarray(0, 16)).not.toEqual(MARKER)
    message.write()
    message.release()
    expect(message.isFree).toBe(false)
  })

  it("keep their count here, with any number of writes, and are free after the last", () => {
    const pool = new BlockPool(64, "in", { verify: true })
    const messages = new MessageTable(pool)
    const block = pool.acquire()
    pool.bytes(block).set(MESSAGE)
    const message = messages.add(block, 0, MESSAGE.length, maskOf([]))
    pool.release(block)
    messages.retain(message)
    for (const left of [1, 0]) {
      expect(messages.bytesOf(message)).toEqual(MESSAGE)
      messages.release(message)
      if (left > 0) expect(messages.referencesOf(message)).toBe(left)
    }
    expect(messages.holds(message)).toBe(false)
    expect(pool.leaks()).toEqual([])
  })

  it("require at first all that their sender has, as in the original, and hold one count: their adder's", () => {
    const pool = new BlockPool(64, "in")
    const messages = new MessageTable(pool)
    const sender = maskOf([MaskBit.External, MaskBit.FourOctetAs, MaskBit.Ipv4Unicast])
    const message = messages.add(pool.acquire(), 0, 23, sender)
    expect(messages.referencesOf(message)).toBe(1)
    expect(messages.flagsOf(message)).toBe(0)
    expect(messages.requirementOf(message).must).toEqual(sender)
  })

  it("pass to a peer exactly where canPassThrough says so of their requirement", () => {
    const anyMask = fc.subarray(Object.values(MaskBit)).map(maskOf)
    const families = [
      MaskBit.Ipv4Unicast,
      MaskBit.Ipv6Multicast,
      MaskBit.Evpn,
      MaskBit.FlowSpecv4,
      MaskBit.FlowSpecv6,
      MaskBit.BgpLs
    ]
    fc.assert(
      fc.property(
        anyMask,
        anyMask,
        fc.subarray(families, { minLength: 1, maxLength: 2 }),
        fc.boolean(),
        fc.boolean(),
        (sender, peer, held, asNumbers, isLong) => {
          const facts = { lengthBytes: isLong ? 5000 : 100, plainBytesMax: 4096, families: held, asNumbers }
          const requirement = requirementOf(sender, facts)
          const pool = new BlockPool(64, "in")
          const messages = new MessageTable(pool)
          const message = messages.add(pool.acquire(), 0, 23, sender)
          const flags = (asNumbers ? MessageFlag.AsNumbers : 0) | (isLong ? MessageFlag.Long : 0)
          messages.describe(message, flags, requirement.must.low, requirement.must.high)
          expect(messages.flagsOf(message) & MessageFlag.Parsed).toBe(MessageFlag.Parsed)
          for (const mask of [peer, sender, withAll(peer, requirement.must)]) {
            expect(messages.canPassTo(message, mask)).toBe(canPassThrough(mask, requirement))
            expect(canPassThrough(mask, messages.requirementOf(message))).toBe(canPassThrough(mask, requirement))
          }
        }
      )
    )
  })
})

const withAll = (mask: Mask, more: Mask): Mask =>
  maskOf(Object.values(MaskBit).filter((bit) => hasBit(mask, bit) || hasBit(more, bit)))
