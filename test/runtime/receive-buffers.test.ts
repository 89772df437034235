// What a connection is read into: blocks of its own pool, sized after the OPEN exchange, used again when nobody keeps a chunk of them.
// docs/adr/0046, RFC 8654 §4
import { Effect, Exit, Scope } from "effect"
import { describe, expect, it } from "vitest"
import {
  type Chunk,
  LARGE_BLOCK_BYTES,
  ReceiveBuffers,
  receiveBuffers,
  SMALL_BLOCK_BYTES
} from "../../src/runtime/receive-buffers.ts"

const read = (buffers: ReceiveBuffers, byteCount: number, fill: number): Chunk => {
  buffers.next().fill(fill, 0, byteCount)
  return buffers.took(byteCount)
}

describe("receive buffers", () => {
  it("reads into small blocks before the OPEN exchange, however much comes", () => {
    const buffers = new ReceiveBuffers("in a")
    for (let turn = 0; turn < 4; turn++) read(buffers, buffers.next().length, turn).keeper.release()
    expect(buffers.next().length).toBe(SMALL_BLOCK_BYTES)
    expect(buffers.stats()).toMatchObject({ name: "in a", size: SMALL_BLOCK_BYTES, leased: 1 })
  })

  it("has large blocks for a peer with extended messages [RFC 8654]", () => {
    const buffers = new ReceiveBuffers("in a")
    buffers.expect(65535)
    expect(buffers.next().length).toBe(LARGE_BLOCK_BYTES)
  })

  it("has large blocks for any other peer once it has filled a small one", () => {
    const buffers = new ReceiveBuffers("in a")
    buffers.expect(4096)
    read(buffers, 100, 1).keeper.release()
    expect(buffers.next().length).toBe(SMALL_BLOCK_BYTES)
    read(buffers, SMALL_BLOCK_BYTES, 2).keeper.release()
    expect(buffers.next().length).toBe(LARGE_BLOCK_BYTES)
  })

  it("reads into the same place again when nobody keeps what was read there", () => {
    const buffers = new ReceiveBuffers("in a")
    const first = read(buffers, 100, 1)
    first.keeper.release()
    const second = read(buffers, 100, 2)
    expect(second.bytes.byteOffset).toBe(first.bytes.byteOffset)
    expect(buffers.stats().total).toBe(1)
  })

  it("overwrites what nobody keeps any more, where the process looks after its buffers", () => {
    const buffers = new ReceiveBuffers("in a", true)
    const late = read(buffers, SMALL_BLOCK_BYTES, 7).bytes
    buffers.next()
    expect(late.every((byte) => byte === 7)).toBe(true)
    const [first, second] = [new ReceiveBuffers("in b", true), new ReceiveBuffers("in c")].map((each) => {
      const chunk = read(each, SMALL_BLOCK_BYTES, 7)
      each.next()
      chunk.keeper.release()
      return chunk.bytes
    })
    expect([first!.includes(7), second!.includes(7)]).toEqual([false, true])
  })

  it("never reads over a chunk that somebody keeps, and puts the next one beside it", () => {
    const buffers = new ReceiveBuffers("in a")
    const kept = read(buffers, 100, 1)
    kept.keeper.retain()
    kept.keeper.release()
    for (let turn = 2; turn < 300; turn++) read(buffers, 90, turn).keeper.release()
    expect(kept.bytes.every((byte) => byte === 1)).toBe(true)
    kept.keeper.release()
    expect(buffers.stats()).toMatchObject({ total: 2, leased: 1 })
  })

  it("leaves neighbours in one piece of memory, so that they can go out as one", () => {
    const buffers = new ReceiveBuffers("in a")
    const [one, two] = [read(buffers, 60, 1), read(buffers, 60, 2)]
    expect(two.bytes.byteOffset).toBe(one.bytes.byteOffset + 60)
    expect(two.bytes.buffer).toBe(one.bytes.buffer)
  })

  it("keeps what is kept after the connection has gone, and everything is back when the last chunk is", () => {
    const scope = Scope.makeUnsafe()
    const buffers = Effect.runSync(Scope.provide(receiveBuffers("in a"), scope))
    const kept = read(buffers, 100, 7)
    Effect.runSync(Scope.close(scope, Exit.void))
    expect(kept.bytes.every((byte) => byte === 7)).toBe(true)
    expect(buffers.stats()).toMatchObject({ leased: 1 })
    kept.keeper.release()
    expect(buffers.stats()).toMatchObject({ leased: 0, total: 0 })
    expect(() => kept.keeper.release()).toThrow(/after it was freed/)
  })
})
