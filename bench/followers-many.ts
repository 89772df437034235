// Many followers in one process, for followers.bench.ts: each reads and decodes everything that its hub sends, every second one compressed, and
// keeps a hash of each route's value, so that a table of 100,000 routes takes 400 kB and can still be compared with the hub's.
import { createConnection } from "node:net"
import { CLIENT_LIMITS, decodeText, encodeMessage, preambleOf, SyncStatus, ZERO_TIME } from "../src/fanout/index.ts"
import { FanoutReader } from "../src/runtime/fanout-reader.ts"
import { entryHash } from "./followers.ts"

const [port, count, routes] = process.argv.slice(2).map(Number)

class Follower {
  readonly #hashes = new Uint32Array(routes)
  digest = 0
  keys = 0
  inSync = false
  isLost = false

  constructor(isCompressed: boolean, onSync: () => void) {
    const socket = createConnection({ host: "127.0.0.1", port })
    const reader = new FanoutReader(CLIENT_LIMITS)
    socket.write(
      Buffer.concat([preambleOf("client"), encodeMessage({ ...HELLO, supportsDecoderRestart: isCompressed })])
    )
    socket.on("close", () => {
      this.isLost = true
    })
    socket.on("error", (error) => console.error(`a follower: ${error.message}`))
    socket.on("data", (bytes: Buffer) => {
      const problem = reader.read(bytes, (message) => {
        if (message._tag === "Updates") this.#take(message.updates)
        else if (message._tag === "SyncStatus" && message.status === SyncStatus.InSync && !this.inSync) {
          this.inSync = true
          onSync()
        } else if (message._tag === "DecoderRestart") {
          reader.restart(true)
          socket.write(encodeMessage({ _tag: "Acknowledgement" }))
        } else if (message._tag === "Ping") {
          socket.write(encodeMessage({ _tag: "Pong", pingTimestamp: message.timestamp, pongTimestamp: ZERO_TIME }))
        }
      })
      if (problem !== undefined) console.error(`a follower: ${problem}`)
    })
  }

  #take(updates: { count: number; key(index: number): string; value(index: number): Uint8Array | null }): void {
    for (let index = 0; index < updates.count; index++) {
      const key = updates.key(index)
      const value = updates.value(index)
      const route = numberOf(key)
      const before = this.#hashes[route]
      // Zero is no route; a hash that is zero would be one in four thousand million.
      const after = value === null ? 0 : entryHash(key, decodeText(value, 0, value.length))
      this.keys += (after === 0 ? 0 : 1) - (before === 0 ? 0 : 1)
      this.digest = (this.digest + after - before) >>> 0
      this.#hashes[route] = after
    }
  }
}

const numberOf = (key: string): number => {
  const [, a, b, c] = key.slice(key.lastIndexOf("/") + 1, -3).split(".")
  return (Number(a) << 16) | (Number(b) << 8) | Number(c)
}

const HELLO = {
  _tag: "ClientHello",
  hostname: "follower",
  info: "",
  version: "",
  syncerType: "",
  supportsDecoderRestart: false,
  supportedCompressionAlgorithms: ["snappy"],
  supportsModernPolicyKeys: true,
  clientConnId: 0
} as const

let synced = 0
const startedAt = performance.now()
const followers = Array.from(
  { length: count },
  (_, index) =>
    new Follower(index % 2 === 1, () => {
      if (++synced === count) process.send!({ seconds: (performance.now() - startedAt) / 1000 })
    })
)
process.on("message", (wanted: { digest: number; keys: number }) => {
  const differ = followers.filter(({ digest, keys }) => digest !== wanted.digest || keys !== wanted.keys).length
  process.send!({ differ, lost: followers.filter(({ isLost }) => isLost).length })
})
process.on("disconnect", () => process.exit(0))
