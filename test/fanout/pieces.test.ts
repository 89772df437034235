// A connection can break anywhere, and bytes come in pieces: at every byte the decoder either waits, undone to where the value began, or
// has it whole; and what it says at the end depends on where that is alone.
import { describe, expect, it } from "vitest"
import { encodeMessage, GobDecoder, GobReason, INT, MessageDecoder, preambleOf } from "../../src/fanout/index.ts"
import { messageJson } from "../vectors/gob-messages.ts"
import { bytesOf, captured } from "./captured.ts"

const streams = [
  "v325/session-server",
  "modern/session-server-no-restart",
  "v325/kvs-revision-strings",
  "odd/all-types-first"
].map((name) => {
  const row = captured(name)
  return { name, bytes: bytesOf(row.hex), count: row.n }
})

const drain = (decoder: MessageDecoder): ReadonlyArray<string> => {
  const said: Array<string> = []
  for (let next = decoder.next(); next._tag !== "NeedMore"; next = decoder.next()) {
    if (next._tag === "GobFault") throw new Error(next.detail)
    said.push(JSON.stringify(messageJson(next.message)))
  }
  return said
}

describe("truncation", () => {
  for (const { name, bytes, count } of streams) {
    it(`resumes ${name} after every byte`, () => {
      const whole = new MessageDecoder()
      whole.push(bytes)
      const expected = drain(whole)
      expect(expected).toHaveLength(count)
      for (let cut = 1; cut < bytes.length; cut++) {
        const decoder = new MessageDecoder()
        decoder.push(bytes.slice(0, cut))
        const before = drain(decoder)
        // Asked again with nothing new, it has nothing new to say.
        expect(drain(decoder)).toEqual([])
        decoder.push(bytes.slice(cut))
        expect([...before, ...drain(decoder)], `cut at ${cut}`).toEqual(expected)
        expect(decoder.finish()).toBeUndefined()
      }
    })

    it(`ends well only between the messages of ${name}`, () => {
      const ends = new Set([0])
      const decoder = new MessageDecoder()
      for (let at = 0; at < bytes.length; at++) {
        decoder.push(bytes.slice(at, at + 1))
        if (drain(decoder).length > 0) ends.add(at + 1)
      }
      for (let cut = 0; cut <= bytes.length; cut++) {
        const ended = new MessageDecoder()
        ended.push(bytes.slice(0, cut))
        drain(ended)
        expect(ended.finish()?.reason, `cut at ${cut}`).toBe(ends.has(cut) ? undefined : GobReason.Truncated)
      }
    })
  }
})

describe("what lies behind a value", () => {
  it("gives what was received behind a decoder restart to the next decoder", () => {
    const restart = encodeMessage({ _tag: "DecoderRestart", message: "", compressionAlgorithm: "" })
    const status = encodeMessage({ _tag: "SyncStatus", status: 2 })
    const decoder = new MessageDecoder()
    decoder.push(Buffer.concat([preambleOf("server"), restart, preambleOf("server"), status]))
    expect(decoder.next()).toMatchObject({ message: { _tag: "DecoderRestart" } })
    const second = new MessageDecoder()
    second.push(decoder.takeRest())
    expect(second.next()).toMatchObject({ message: { _tag: "SyncStatus", status: 2 } })
    expect(decoder.bufferedBytes).toBe(0)
  })

  it("keeps views into what was received, which later pieces leave alone", () => {
    const updates = [0, 1].map((index) => ({
      key: `/key/${index}`,
      value: new Uint8Array(100).fill(index + 1),
      revision: null,
      v3ResourceVersion: "",
      ttlNanoseconds: 0,
      updateType: 1
    }))
    const bytes = Buffer.concat([
      preambleOf("server"),
      ...updates.map((update) => encodeMessage({ _tag: "Updates", updates: [update] }))
    ])
    const decoder = new MessageDecoder()
    const batches = Array.from({ length: Math.ceil(bytes.length / 61) }, (_, index) => {
      decoder.push(new Uint8Array(bytes.subarray(index * 61, (index + 1) * 61)))
      const next = decoder.next()
      return next._tag === "Message" && next.message._tag === "Updates" ? [next.message.updates] : []
    }).flat()
    expect(batches.map((batch) => [batch.key(0), batch.value(0)])).toEqual(
      updates.map(({ key, value }) => [key, value])
    )
  })

  it("reads values of basic types that come in one piece", () => {
    const decoder = new GobDecoder()
    decoder.push(Uint8Array.of(3, 4, 0, 2, 3, 4, 0, 1))
    expect([decoder.next(INT), decoder.next(INT), decoder.next(INT)]).toEqual([
      { _tag: "Value", value: 1, id: 2 },
      { _tag: "Value", value: -1, id: 2 },
      { _tag: "NeedMore" }
    ])
  })
})
