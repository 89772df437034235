// Live exchange with Go's own encoding/gob, in both roles and both generations, with decoder restarts and compression, and with what a
// hub should never send.
import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"
import fc from "fast-check"
import { expect } from "vitest"
import {
  encodeMessage,
  encodeUpdate,
  GobReason,
  joinUpdates,
  MessageDecoder,
  preambleOf,
  type ReceivedMessage,
  type SentMessage,
  SnappyReader,
  SyncStatus,
  UpdateType,
  writeSnappy,
  ZERO_TIME
} from "../../src/fanout/index.ts"
import { arbitrarySmallMessage, arbitraryUpdate } from "../../src/testing/fanout.ts"
import { askGobPeer, GobPeer } from "../support/gob-peer.ts"
import { requirement } from "../support/requirements.ts"
import { snappyBlocks } from "../support/snappy-blocks.ts"
import { difference, type Json } from "../vectors/gob-json.ts"
import { messageJson } from "../vectors/gob-messages.ts"

const go = requirement("go", "gobpeer")

const HELLO: SentMessage = {
  _tag: "ClientHello",
  hostname: "node-1",
  info: "test",
  version: "v1",
  syncerType: "felix",
  supportsDecoderRestart: true,
  supportedCompressionAlgorithms: ["snappy"],
  supportsModernPolicyKeys: true,
  clientConnId: 2n ** 63n + 1n
}

const SERVER_HELLO: SentMessage = {
  _tag: "ServerHello",
  version: "v1",
  syncerType: "felix",
  supportsNodeResourceUpdates: true,
  serverConnId: 7
}

const receivedFrom = (message: SentMessage): ReceivedMessage => {
  const decoder = new MessageDecoder()
  const role = ["ClientHello", "Pong", "Acknowledgement"].includes(message._tag) ? "client" : "server"
  decoder.push(Buffer.concat([preambleOf(role), encodeMessage(message)]))
  const next = decoder.next()
  if (next._tag !== "Message") throw new Error(JSON.stringify(next))
  return next.message
}

const jsonOf = (message: SentMessage): { readonly type: string; readonly msg: Json } => {
  const { $iface, value } = messageJson(receivedFrom(message)) as { readonly $iface: string; readonly value: Json }
  return { type: $iface.split(".").at(-1)!, msg: value }
}

/** Only what Go's time can print, and its JSON writes without loss. */
const arbitrarySent: fc.Arbitrary<SentMessage> = fc
  .oneof(
    arbitrarySmallMessage,
    fc.array(arbitraryUpdate, { maxLength: 5 }).map((updates): SentMessage => ({ _tag: "Updates", updates }))
  )
  .filter(({ _tag }) => _tag !== "Ping" && _tag !== "Pong")

const TIMES: ReadonlyArray<SentMessage> = [
  { _tag: "Ping", timestamp: { seconds: 63_686_432_216n, nanoseconds: 123_456_789, zone: "utc" } },
  { _tag: "Ping", timestamp: { seconds: 63_686_432_216n, nanoseconds: 1, zone: 19_800 } },
  { _tag: "Pong", pingTimestamp: { seconds: 63_686_432_216n, nanoseconds: 5, zone: -3_600 }, pongTimestamp: ZERO_TIME }
]

go.describe("streams in both directions", () => {
  go.it("Go reads every message we write, as we meant it", () => {
    const messages = [...fc.sample(arbitrarySent, { numRuns: 150, seed: 7 }), ...TIMES, HELLO, SERVER_HELLO]
    const streams = messages.map((message) => {
      const role = ["ClientHello", "Pong", "Acknowledgement"].includes(message._tag) ? "client" : "server"
      return Buffer.concat([preambleOf(role), encodeMessage(message)]).toString("hex")
    })
    const lines = Buffer.from(askGobPeer(["decode", "-proto", "modern", "-lines"], streams.join("\n")))
      .toString()
      .trim()
      .split("\n")
    expect(lines).toHaveLength(messages.length)
    lines.forEach((line, index) => {
      const { type, msg } = JSON.parse(line) as { type: string; msg: Json }
      const { type: ownType, msg: own } = jsonOf(messages[index])
      expect([type, difference(msg, own)]).toEqual([ownType, undefined])
    })
  })

  go.it("we read every message that Go writes, of both generations", () => {
    const messages = [...fc.sample(arbitrarySent, { numRuns: 100, seed: 8 }), ...TIMES, HELLO, SERVER_HELLO].map(jsonOf)
    const bytes = askGobPeer(
      ["encode", "-proto", "modern"],
      messages.map((message) => JSON.stringify(message)).join("\n")
    )
    const decoder = new MessageDecoder()
    decoder.push(bytes)
    for (const { type, msg } of messages) {
      const next = decoder.next()
      if (next._tag !== "Message") throw new Error(`${type}: ${JSON.stringify(next)}`)
      expect(
        difference(
          { $iface: `github.com/projectcalico/typha/pkg/syncproto.${type}`, value: msg },
          messageJson(next.message)!
        )
      ).toBeUndefined()
    }
    expect(decoder.finish()).toBeUndefined()
  })
})

/** What a follower does until it is in sync, without the machine that decides it. */
class Follower {
  readonly messages: Array<ReceivedMessage> = []
  #decoder = new MessageDecoder()
  #snappy: SnappyReader | undefined
  readonly #socket: Socket

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1")
    this.#socket.write(preambleOf("client"))
    this.#socket.write(encodeMessage(HELLO))
  }

  /** Until `until` says so, or something is wrong, which it gives. */
  async run(until: (message: ReceivedMessage) => boolean): Promise<string | undefined> {
    const problem = await new Promise<string | undefined>((resolve) => {
      this.#socket.on("data", (bytes: Buffer) => {
        const found = this.#receive(new Uint8Array(bytes), until)
        if (found !== undefined) resolve(found === "done" ? undefined : found)
      })
      this.#socket.on("error", () => resolve("lost"))
      this.#socket.on("close", () => resolve(this.#decoder.finish()?.reason ?? "closed"))
    })
    this.#socket.destroy()
    return problem
  }

  #receive(bytes: Uint8Array, until: (message: ReceivedMessage) => boolean): string | undefined {
    const plain = this.#snappy === undefined ? [bytes] : this.#snappy.push(bytes)
    if (typeof plain === "string") return plain
    for (const piece of plain) {
      this.#decoder.push(piece)
      let next = this.#decoder.next()
      for (; next._tag === "Message"; next = this.#decoder.next()) {
        this.messages.push(next.message)
        if (until(next.message)) return "done"
        if (next.message._tag !== "DecoderRestart") continue
        const rest = this.#snappy === undefined ? this.#decoder.takeRest() : this.#snappy.takeRest()
        this.#decoder = new MessageDecoder()
        this.#snappy = next.message.compressionAlgorithm === "snappy" ? new SnappyReader(snappyBlocks) : undefined
        this.#socket.write(encodeMessage({ _tag: "Acknowledgement" }))
        return rest.length === 0 ? undefined : this.#receive(rest, until)
      }
      if (next._tag === "GobFault") return next.reason
    }
    return undefined
  }

  get keys(): ReadonlyArray<string> {
    return this.messages.flatMap((message) =>
      message._tag === "Updates"
        ? Array.from({ length: message.updates.count }, (_, index) => message.updates.key(index))
        : []
    )
  }
}

const isInSync = (message: ReceivedMessage): boolean =>
  message._tag === "SyncStatus" && message.status === SyncStatus.InSync

const served = async (args: ReadonlyArray<string>, until: (message: ReceivedMessage) => boolean) => {
  const peer = new GobPeer(["server", "-addr", "127.0.0.1:0", "-once", ...args])
  const address = (await peer.line("listening"))["addr"] as string
  const follower = new Follower(Number(address.split(":").at(-1)))
  const problem = await follower.run(until)
  peer.stop()
  await peer.exit()
  return { problem, follower, peer }
}

go.describe("a Go hub", () => {
  for (const [title, args] of [
    ["of v3.2.5", ["-proto", "v325"]],
    ["of today, plain", ["-proto", "modern", "-restart=false"]],
    ["of today, restarting without compression", ["-proto", "modern", "-snappy=false"]],
    ["of today, compressed", ["-proto", "modern"]]
  ] as const) {
    go.it(`${title} brings a follower in sync`, async () => {
      const { problem, follower, peer } = await served([...args, "-kvs", "2345"], isInSync)
      expect(problem).toBeUndefined()
      expect(follower.messages[0]._tag).toBe("ServerHello")
      expect(new Set(follower.keys).size).toBe(2345)
      expect(peer.lines.find((line) => line["type"] === "MsgClientHello")).toMatchObject({
        msg: { Hostname: "node-1" }
      })
    })
  }

  for (const [fault, problem] of [
    ["truncate", GobReason.Truncated],
    ["huge", GobReason.BadLength],
    ["unknown-name", GobReason.Unregistered],
    ["dup-type", GobReason.BadType],
    ["zero-len", GobReason.BadLength]
  ] as const) {
    go.it(`that misbehaves (${fault}) is found out`, async () => {
      const args = ["-proto", "v325", "-kvs", "10", "-fault", fault, "-statuses", "1"]
      expect((await served(args, isInSync)).problem).toBe(problem)
    })
  }

  for (const fault of ["nil", "int"]) {
    go.it(`that sends no message at all (${fault}) is understood`, async () => {
      const { problem, follower } = await served(["-kvs", "10", "-fault", fault], isInSync)
      expect(problem).toBeUndefined()
      expect(follower.messages.filter(({ _tag }) => _tag === "NoMessage")).toHaveLength(1)
    })
  }
})

const UPDATES = Array.from({ length: 1000 }, (_, index) =>
  encodeUpdate({
    key: `/backwalk/v1/route/main/ipv4/10.0.${index >> 8}.${index & 0xff}-32`,
    value: Buffer.from(JSON.stringify({ index })),
    revision: String(index),
    v3ResourceVersion: "",
    ttlNanoseconds: 0,
    updateType: UpdateType.New
  })
)

/** The snapshot in messages of a hundred, then in sync; the same bytes for whoever asks. */
const SNAPSHOT = Buffer.concat([
  ...Array.from({ length: 10 }, (_, index) => joinUpdates(UPDATES.slice(index * 100, index * 100 + 100))),
  encodeMessage({ _tag: "SyncStatus", status: SyncStatus.InSync })
])

const RESTART = encodeMessage({ _tag: "DecoderRestart", message: "test", compressionAlgorithm: "snappy" })

go.describe("a Go follower", () => {
  for (const proto of ["v325", "modern"]) {
    for (const isCompressed of proto === "modern" ? [false, true] : [false]) {
      go.it(`of ${proto} is brought in sync${isCompressed ? ", compressed" : ""}`, async () => {
        const hellos: Array<ReceivedMessage> = []
        const server = createServer((socket) => {
          const decoder = new MessageDecoder()
          socket.on("error", () => {})
          socket.on("data", (bytes) => {
            decoder.push(new Uint8Array(bytes as Buffer))
            for (let next = decoder.next(); next._tag === "Message"; next = decoder.next()) {
              hellos.push(next.message)
              if (next.message._tag === "ClientHello") {
                socket.write(
                  Buffer.concat([preambleOf("server"), encodeMessage(SERVER_HELLO), isCompressed ? RESTART : SNAPSHOT])
                )
              }
              if (next.message._tag === "Acknowledgement") {
                socket.write(writeSnappy(snappyBlocks, Buffer.concat([preambleOf("server"), SNAPSHOT]), true))
              }
            }
          })
        })
        server.listen(0, "127.0.0.1")
        await once(server, "listening")
        const { port } = server.address() as { readonly port: number }
        const peer = new GobPeer(["client", "-addr", `127.0.0.1:${port}`, "-proto", proto, "-quiet"])
        expect(await peer.exit()).toBe(0)
        server.close()
        expect(peer.lines.at(-1)).toMatchObject({ event: "done", why: "in-sync", kvs: 1000, live: 1000, status: 2 })
        expect(hellos[0]).toMatchObject({ _tag: "ClientHello", hostname: "gobpeer" })
      })
    }
  }
})
