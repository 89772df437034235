// Each operation in a world that only writes down what it is asked for.
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import type { EventRecord } from "../../src/eventlog/index.ts"
import { OpBuffer } from "../../src/machine/index.ts"
import { createRouter, type RouterEffect, routerEffects, span } from "../../src/router/index.ts"
import type { BoundedInbox } from "../../src/runtime/inbox.ts"
import { perform, type World } from "../../src/runtime/interpreter.ts"

const NO_DROPS = { refused: {}, md5: { wrong: 0, absent: 0, unexpected: 0 }, lowTtl: 0 }

/** Performs operations in a world that writes down what it is asked for. */
const performed = (
  effects: (state: ReturnType<typeof createRouter>) => ReadonlyArray<RouterEffect>
): { readonly said: ReadonlyArray<unknown>; readonly leaks: string; readonly onWritten: ReadonlyArray<() => void> } => {
  const state = createRouter(1)
  const out = new OpBuffer()
  for (const effect of effects(state)) routerEffects.encode(effect, out)
  const said: Array<unknown> = []
  const onWritten: Array<() => void> = []
  const note =
    (name: string) =>
    (...words: ReadonlyArray<unknown>): void =>
      void said.push([name, ...words])
  const world: World = {
    inbox: { offerNow: (record: EventRecord) => note("offer")(record) } as unknown as BoundedInbox,
    transport: {
      listen: () => Effect.succeed(""),
      configure: () => [],
      unlisten: note("unlisten"),
      dial: note("dial"),
      send: (conn, bytes, written) => {
        note("send")(conn, [...bytes])
        onWritten.push(written)
      },
      flush: note("flush"),
      wantDrained: note("wantDrained"),
      expect: note("expect"),
      close: note("close"),
      taken: note("taken"),
      stats: () => ({ connections: 0, refused: 0, paused: 0, tcp: NO_DROPS, pools: [] })
    },
    timers: { arm: note("arm"), cancel: note("cancel"), count: () => 0 },
    kernel: {
      kind: "model",
      send: (bytes, lastSeq) => Effect.sync(() => note("kernelSend")([...bytes], lastSeq)),
      dump: (bytes, seq) => Effect.sync(() => note("kernelDump")([...bytes], seq)),
      prepare: () => Effect.succeed(undefined)
    },
    start: (effect) => Effect.runSync(effect),
    listen: note("listen"),
    tell: note("tell"),
    stopped: note("stopped")
  }
  perform(state, out, world)
  return { said, onWritten, leaks: state.pool.describeLeaks() }
}

describe("the interpreter", () => {
  it("hands each operation's words on, in order, and ends the batch with one flush", () => {
    const { said } = performed(() => [
      { _tag: "ArmTimer", timer: 5, milliseconds: 1000 },
      { _tag: "CancelTimer", timer: 5 },
      { _tag: "WantDrained", conn: 9 },
      { _tag: "Close", conn: 9, abort: 0 },
      { _tag: "Close", conn: 8, abort: 1 },
      { _tag: "Unlisten" },
      { _tag: "WantQuantum", nodes: 100 },
      { _tag: "Stopped" }
    ])
    expect(said).toEqual([
      ["arm", 5, 1000],
      ["cancel", 5],
      ["wantDrained", 9],
      ["close", 9, false],
      ["close", 8, true],
      ["unlisten"],
      ["offer", { _tag: "Quantum", nodes: 100 }],
      ["stopped"],
      ["flush"]
    ])
  })

  it("sends the bytes that a span names, and returns the lease when they have left", () => {
    let leaksBefore = ""
    const { said, onWritten } = performed((state) => {
      const block = state.pool.acquire("test")
      state.pool.bytes(block).set([1, 2, 3, 4, 5])
      leaksBefore = state.pool.describeLeaks()
      return [{ _tag: "Send", conn: 3, block, span: span(1, 4) }]
    })
    expect(leaksBefore).not.toBe("")
    expect(said).toContainEqual(["send", 3, [2, 3, 4]])
    expect(onWritten).toHaveLength(1)
    expect(() => onWritten[0]()).not.toThrow()
    // The block is free now: a second return would be of a lease that nobody holds.
    expect(() => onWritten[0]()).toThrow()
  })

  it("returns the lease of a kernel request when the kernel has taken it", () => {
    const { said, leaks } = performed((state) => {
      const send = state.pool.acquire("test")
      const dump = state.pool.acquire("test")
      state.pool.bytes(send).set([7, 7])
      state.pool.bytes(dump).set([8])
      return [
        { _tag: "KernelSend", block: send, length: 2, lastSeq: 41 },
        { _tag: "KernelDump", block: dump, length: 1, seq: 42 }
      ]
    })
    expect(said.slice(0, 2)).toEqual([
      ["kernelSend", [7, 7], 41],
      ["kernelDump", [8], 42]
    ])
    expect(leaks).toBe("")
  })

  it("refuses an operation that nobody performs", () => {
    const out = new OpBuffer()
    out.put(200)
    expect(() => perform(createRouter(1), out, undefined as unknown as World)).toThrow()
  })
})
