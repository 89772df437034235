// What is written is read again: values of every kind, in whatever pieces they arrive, and the messages of the protocol.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  ANY,
  encodeMessage,
  encodeUpdate,
  GobDecoder,
  GobEncoder,
  type GobValue,
  joinUpdates,
  MessageDecoder,
  preambleOf,
  type ReceivedMessage,
  registryOf,
  TypeIds,
  type Update
} from "../../src/fanout/index.ts"
import {
  arbitrarySmallMessage,
  arbitraryTypedValue,
  arbitraryUpdate,
  GOB_REGISTERED,
  type TypedValue
} from "../../src/testing/fanout.ts"

const registry = registryOf(GOB_REGISTERED)

const decode = (bytes: Uint8Array, typed: ReadonlyArray<TypedValue>, step = bytes.length): ReadonlyArray<GobValue> => {
  const decoder = new GobDecoder({ registry })
  const values: Array<GobValue> = []
  for (let at = 0; at < bytes.length; at += step) {
    decoder.push(bytes.slice(at, at + step))
    for (
      let next = decoder.next(typeAt(typed, values.length));
      next._tag === "Value";
      next = decoder.next(typeAt(typed, values.length))
    ) {
      values.push(next.value)
    }
  }
  expect(decoder.finish()).toBeUndefined()
  return values
}

const typeAt = (typed: ReadonlyArray<TypedValue>, index: number) => typed[index]?.type ?? ANY

const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat(parts))

const received = (bytes: Uint8Array, step = bytes.length): ReadonlyArray<ReceivedMessage> => {
  const decoder = new MessageDecoder()
  const messages: Array<ReceivedMessage> = []
  for (let at = 0; at < bytes.length; at += step) {
    decoder.push(bytes.slice(at, at + step))
    for (let next = decoder.next(); next._tag !== "NeedMore"; next = decoder.next()) {
      if (next._tag === "GobFault") throw new Error(next.detail)
      messages.push(next.message)
    }
  }
  expect(decoder.finish()).toBeUndefined()
  return messages
}

const plain = (updates: ReadonlyArray<Update>): ReadonlyArray<Update> =>
  updates.map((update) => ({
    ...update,
    revision: typeof update.revision === "string" ? { name: "string", value: update.revision } : update.revision
  }))

describe("values", () => {
  it("law: a value of any type is read as it was written", () => {
    fc.assert(
      fc.property(arbitraryTypedValue, (typed) => {
        const bytes = new GobEncoder({ registry }).encode(typed.type, typed.value)
        expect(decode(bytes, [typed])).toEqual([typed.value])
      }),
      { numRuns: 400 }
    )
  })

  it("law: a stream of values is the same in pieces of any size", () => {
    fc.assert(
      fc.property(
        fc.array(arbitraryTypedValue, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 40 }),
        (typed, step) => {
          const encoder = new GobEncoder({ registry })
          const bytes = concat(typed.map(({ type, value }) => encoder.encode(type, value)))
          const values = typed.map(({ value }) => value)
          expect(decode(bytes, [...typed, ...typed.slice(0, 1)], step).slice(0, values.length)).toEqual(values)
        }
      ),
      { numRuns: 200 }
    )
  })

  it("law: a value is read without knowing its type, and its types defined in advance", () => {
    fc.assert(
      fc.property(arbitraryTypedValue, fc.integer({ min: 64, max: 2 ** 31 - 100 }), (typed, first) => {
        const encoder = new GobEncoder({ registry, ids: new TypeIds(first) })
        const definitions = encoder.define([typed.type, ...GOB_REGISTERED.values()])
        const bytes = encoder.encode(typed.type, typed.value)
        expect(decode(concat([definitions, bytes]), [typed])).toEqual([typed.value])
        const decoder = new GobDecoder({ registry: () => ANY })
        decoder.push(concat([definitions, bytes]))
        expect(decoder.next(ANY)._tag).toBe("Value")
      }),
      { numRuns: 200 }
    )
  })

  it("law: equal values give equal bytes once their types are defined", () => {
    fc.assert(
      fc.property(arbitraryTypedValue, (typed) => {
        const encoder = new GobEncoder({ registry })
        encoder.define([typed.type, ...GOB_REGISTERED.values()])
        // What an interface holds may be of a basic slice type, which is defined with its first value.
        encoder.encode(typed.type, typed.value)
        expect(encoder.encode(typed.type, typed.value)).toEqual(encoder.encode(typed.type, typed.value))
      })
    )
  })
})

describe("messages", () => {
  it("law: messages of all kinds arrive as they were sent, in pieces of any size", () => {
    fc.assert(
      fc.property(
        fc.array(arbitrarySmallMessage, { maxLength: 6 }),
        fc.integer({ min: 1, max: 200 }),
        (messages, step) => {
          for (const role of ["server", "client"] as const) {
            const own = messages.filter(({ _tag }) => SENT[role].includes(_tag))
            const bytes = concat([preambleOf(role), ...own.map(encodeMessage)])
            // Definitions alone are an unfinished stream.
            expect(own.length === 0 ? [] : received(bytes, step)).toEqual(own)
          }
        }
      )
    )
  })

  it("law: updates arrive as they were sent, and an update encoded once is the same in every message", () => {
    fc.assert(
      fc.property(fc.array(arbitraryUpdate, { maxLength: 20 }), fc.integer({ min: 1, max: 500 }), (updates, step) => {
        const message = encodeMessage({ _tag: "Updates", updates })
        expect(joinUpdates(updates.map(encodeUpdate))).toEqual(message)
        const [found] = received(concat([preambleOf("server"), message]), step)
        if (found._tag !== "Updates") throw new Error(found._tag)
        const batch = Array.from({ length: found.updates.count }, (_, index) => found.updates.at(index))
        expect(batch).toEqual(plain(updates))
      })
    )
  })

  it("keys are bytes too", () => {
    const text = { key: "/a/b", value: null, revision: "1", v3ResourceVersion: "", ttlNanoseconds: 0, updateType: 3 }
    expect(encodeUpdate({ ...text, key: Buffer.from("/a/b") })).toEqual(encodeUpdate(text))
  })
})

const SENT = {
  server: ["ServerHello", "SyncStatus", "Ping", "DecoderRestart"] as ReadonlyArray<string>,
  client: ["ClientHello", "Pong", "Acknowledgement"] as ReadonlyArray<string>
}
