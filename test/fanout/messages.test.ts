// What the protocol's releases say to one another, and bytes that must never change: hubs and followers of different versions of this
// program meet as well.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  BASIC_TYPES,
  encodeMessage,
  GENERATIONS,
  type Generation,
  GobDecoder,
  GobEncoder,
  GobReason,
  type GobRecord,
  type GobValue,
  MESSAGE_PREFIX,
  MessageDecoder,
  messageTypesOf,
  preambleOf,
  type ReceivedMessage,
  revisionText,
  SyncStatus,
  syncStatusName,
  TypeIds,
  UpdateType
} from "../../src/fanout/index.ts"
import { arbitrarySmallMessage } from "../../src/testing/fanout.ts"

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

const receiveOne = (bytes: Uint8Array): ReceivedMessage => {
  const decoder = new MessageDecoder()
  decoder.push(bytes)
  const next = decoder.next()
  if (next._tag !== "Message") throw new Error(JSON.stringify(next))
  return next.message
}

/** One message as a process of that generation writes it. */
const writtenBy = (generation: Generation, name: string, value: GobRecord): Uint8Array => {
  const types = messageTypesOf(generation)
  return new GobEncoder({ registry: types.registry }).encode(types.envelope, {
    Message: { name: MESSAGE_PREFIX + name, value }
  })
}

/** What a process of that generation reads. */
const readBy = (generation: Generation, bytes: Uint8Array) => {
  const types = messageTypesOf(generation)
  const decoder = new GobDecoder({ registry: types.registry })
  decoder.push(bytes)
  return decoder.next(types.envelope)
}

const HELLO = {
  _tag: "ClientHello",
  hostname: "node-1",
  info: "test",
  version: "v1",
  syncerType: "felix",
  supportsDecoderRestart: true,
  supportedCompressionAlgorithms: ["snappy"],
  supportsModernPolicyKeys: true,
  clientConnId: 2n ** 64n - 1n
} as const

describe("generations", () => {
  const fieldsOfHello: Readonly<Record<Generation, number>> = {
    "v3.2.5": 3,
    "v3.3": 4,
    "v3.9": 4,
    "v3.17": 4,
    "v3.25": 7,
    "v3.32": 8
  }

  for (const generation of GENERATIONS) {
    it(`reads the hello of ${generation}, and is read by it`, () => {
      const read = readBy(generation, Buffer.concat([preambleOf("client"), encodeMessage(HELLO)]))
      if (read._tag !== "Value") throw new Error(JSON.stringify(read))
      const value = ((read.value as GobRecord)["Message"] as { readonly value: GobRecord }).value
      expect(Object.keys(value)).toHaveLength(fieldsOfHello[generation])
      const has = (name: string, own: GobValue, other: GobValue): GobValue => (name in value ? own : other)
      expect(receiveOne(writtenBy(generation, "MsgClientHello", value))).toEqual({
        ...HELLO,
        syncerType: has("SyncerType", "felix", ""),
        supportsDecoderRestart: has("SupportsDecoderRestart", true, false),
        supportedCompressionAlgorithms: has("SupportedCompressionAlgorithms", ["snappy"], []),
        supportsModernPolicyKeys: has("SupportsModernPolicyKeys", true, false),
        clientConnId: has("ClientConnID", HELLO.clientConnId, 0)
      })
    })
  }

  it("law: what an old release does not know is passed over, in every message it has", () => {
    fc.assert(
      fc.property(fc.constantFrom(...GENERATIONS), arbitrarySmallMessage, (generation, message) => {
        const role = ["ClientHello", "Pong", "Acknowledgement"].includes(message._tag) ? "client" : "server"
        const read = readBy(generation, Buffer.concat([preambleOf(role), encodeMessage(message)]))
        const isNew = message._tag === "DecoderRestart" || message._tag === "Acknowledgement"
        const isKnown = !isNew || GENERATIONS.indexOf(generation) >= GENERATIONS.indexOf("v3.25")
        expect(read).toMatchObject(isKnown ? { _tag: "Value" } : { _tag: "GobFault", reason: GobReason.Unregistered })
      })
    )
  })

  it("law: the numbers of the sender's types do not matter", () => {
    fc.assert(
      fc.property(fc.integer({ min: 64, max: 2 ** 31 - 50 }), fc.nat({ max: 255 }), (first, status) => {
        const types = messageTypesOf("v3.32")
        const encoder = new GobEncoder({ registry: types.registry, ids: new TypeIds(first) })
        const bytes = encoder.encode(types.envelope, {
          Message: { name: `${MESSAGE_PREFIX}MsgSyncStatus`, value: { SyncStatus: status } }
        })
        expect(receiveOne(bytes)).toEqual({ _tag: "SyncStatus", status })
      })
    )
  })
})

describe("fixed bytes", () => {
  it("begins a stream with these definitions", () => {
    expect(hex(preambleOf("server"))).toBe(SERVER_PREAMBLE)
    expect(hex(preambleOf("client"))).toBe(CLIENT_PREAMBLE)
  })

  it("writes these messages", () => {
    const name = (own: string): string => hex(Buffer.from(MESSAGE_PREFIX + own))
    expect(hex(encodeMessage({ _tag: "SyncStatus", status: SyncStatus.InSync }))).toBe(
      `45ff82013a${name("MsgSyncStatus")}ff8c0301020000`
    )
    expect(hex(encodeMessage({ _tag: "Updates", updates: [] }))).toBe(`3cff820133${name("MsgKVs")}ff86010000`)
    const update = { v3ResourceVersion: "", ttlNanoseconds: 0, updateType: UpdateType.Deleted }
    const gone = { ...update, key: "/k", value: null, revision: "7" }
    expect(hex(encodeMessage({ _tag: "Updates", updates: [gone] }))).toBe(
      `52ff820133${name("MsgKVs")}ff861701010102${"2f6b"}02${"06737472696e670c03000137"}0303000000`
    )
  })
})

describe("revisions and statuses as people see them", () => {
  it("prints revisions of every type as Go does", () => {
    const text = (value: GobValue): string => revisionText({ name: "", value })
    expect(revisionText(null)).toBe("<nil>")
    expect(["1", 42, 2n ** 63n, true, 1.5].map(text)).toEqual(["1", "42", "9223372036854775808", "true", "1.5"])
    expect([["a", "b"], Uint8Array.of(1, 2), { real: 1, imaginary: -2 }].map(text)).toEqual([
      "[a b]",
      "[1 2]",
      "(1-2i)"
    ])
  })

  it("has the original's names for statuses", () => {
    expect([0, 1, 2, 3].map(syncStatusName)).toEqual(["wait-for-ready", "resync", "in-sync", "unknown"])
  })

  it("registers the types that Go registers by itself", () => {
    expect([...BASIC_TYPES.keys()].filter((name) => name.startsWith("[]"))).toHaveLength(17)
    expect(BASIC_TYPES.size).toBe(34)
  })
})

const SERVER_PREAMBLE = [
  "22ff8103010108456e76656c6f706501ff8200010101074d657373616765011000000068ff830301010e4d7367536572",
  "76657248656c6c6f01ff84000104010756657273696f6e010c00010a53796e63657254797065010c00011b537570706f",
  "7274734e6f64655265736f7572636555706461746573010200010c536572766572436f6e6e494401060000001dff8503",
  "0101064d73674b567301ff8600010101034b567301ff8a0000002bff890201011c5b5d73796e6370726f746f2e536572",
  "69616c697a656455706461746501ff8a0001ff8800006aff870301011053657269616c697a656455706461746501ff88",
  "00010601034b6579010c00010556616c7565010a0001085265766973696f6e011000011156335265736f757263655665",
  "7273696f6e010c00010354544c010400010a5570646174655479706501060000002aff8b0301010d4d736753796e6353",
  "746174757301ff8c000101010a53796e63537461747573010600000024ff8d030101074d736750696e6701ff8e000101",
  "010954696d657374616d7001ff9000000010ff8f0501010454696d6501ff9000000044ff91030101114d73674465636f",
  "6465725265737461727401ff9200010201074d657373616765010c000114436f6d7072657373696f6e416c676f726974",
  "686d010c000000"
].join("")
const CLIENT_PREAMBLE = [
  "22ff8103010108456e76656c6f706501ff8200010101074d6573736167650110000000ffbaff930301010e4d7367436c",
  "69656e7448656c6c6f01ff940001080108486f73746e616d65010c000104496e666f010c00010756657273696f6e010c",
  "00010a53796e63657254797065010c000116537570706f7274734465636f64657252657374617274010200011e537570",
  "706f72746564436f6d7072657373696f6e416c676f726974686d7301ff96000118537570706f7274734d6f6465726e50",
  "6f6c6963794b657973010200010c436c69656e74436f6e6e494401060000002eff95020101205b5d73796e6370726f74",
  "6f2e436f6d7072657373696f6e416c676f726974686d01ff9600010c00003bff97030101074d7367506f6e6701ff9800",
  "0102010d50696e6754696d657374616d7001ff9000010d506f6e6754696d657374616d7001ff9000000010ff8f050101",
  "0454696d6501ff9000000012ff99030101064d736741434b01ff9a000000"
].join("")
