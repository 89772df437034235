// What becomes of bytes on their way through a daemon, over real sockets: what was rebuilt for one kind of receiver serves the next one, what
// a client of a route server says goes to the others as it came, and everybody holds the whole table. ADR-0036, ADR-0060
import { mkdtempSync, rmSync } from "node:fs"
import { connect, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Deferred, Effect, Fiber, Logger } from "effect"
import { afterEach, beforeEach, expect, it } from "vitest"
import type { PeerConfig } from "../../src/router/index.ts"
import { runDaemon } from "../../src/runtime/daemon.ts"
import type { Daemon } from "../../src/runtime/orders.ts"
import { type Capability, encodeOpen, frame, keepalive, MessageType, parseAddress } from "../../src/wire/index.ts"
import { concat, configOf, peerConfig } from "../router/driver.ts"
import { announcement } from "../router/far-side.ts"

const MESSAGES = 400

let directory = ""
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "backwalk-forwarding-"))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

/** A peer on a socket of its own: Established once it has a keepalive, and from then on all UPDATEs that came. */
class Peer {
  readonly updates: Array<Buffer> = []
  readonly socket: Socket
  private rest: Buffer = Buffer.alloc(0)
  private wake: () => void = () => {}

  constructor(port: number, address: string, asn: number, more: ReadonlyArray<Capability>) {
    const capabilities: ReadonlyArray<Capability> = [
      { _tag: "Multiprotocol", afi: 1, safi: 1 },
      { _tag: "FourOctetAs", asn },
      ...more
    ]
    const id = parseAddress(address)!.words[0]!
    this.socket = connect({ host: "127.0.0.1", port, localAddress: address })
    this.socket.write(encodeOpen({ version: 4, asn, holdTime: 90, id, capabilities }))
    this.socket.on("data", (bytes: Buffer) => this.hear(bytes))
  }

  private hear(bytes: Buffer): void {
    this.rest = Buffer.concat([this.rest, bytes])
    for (;;) {
      const length = frame(this.rest, 0, this.rest.length, 65535)
      if (length <= 0 || length > this.rest.length) break
      const message = this.rest.subarray(0, length)
      if (message[18] === MessageType.Open) this.socket.write(keepalive())
      if (message[18] === MessageType.Update) this.updates.push(message)
      this.rest = this.rest.subarray(length)
    }
    this.wake()
  }

  /** The test's own deadline is the bound. */
  private async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => (this.wake = resolve))
  }

  /** It has been told the table, which is empty. */
  up(): Promise<void> {
    return this.until(() => this.updates.length > 0)
  }

  /** Those that are no End-of-RIB, once there are so many. */
  async heard(count: number): Promise<ReadonlyArray<Buffer>> {
    const told = (): ReadonlyArray<Buffer> => this.updates.filter(({ length }) => length > 23)
    await this.until(() => told().length >= count)
    return told()
  }
}

/** Where it listens, soon after it can be asked; the test's own deadline is the bound. */
const portOf = async (daemon: Daemon): Promise<number> => {
  while (daemon.listening().length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
  return Number(daemon.listening()[0]!.split(":")[1])
}

const table = (asn: number): Uint8Array =>
  concat(
    Array.from({ length: MESSAGES }, (_, at) =>
      announcement([asn, 70_000 + at], [`20.${at >> 8}.${at & 255}.0/24`], { communities: [at] })
    )
  )

/** One tells its table, the others hear it; what the daemon says of its buffers then. */
const run = async (type: PeerConfig["type"], second: ReadonlyArray<Capability>) => {
  const addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
  const peers = addresses.map((address, at) => peerConfig(address, 64502 + at, { type, extendedMessage: true }))
  const daemonConfig = { api: { socket: "", http: "" }, log: { directory, keepBytes: 1024 ** 3 } }
  const router = configOf(peers, { listen: ["127.0.0.1:0"] })
  const body = async (daemon: Daemon) => {
    const port = await portOf(daemon)
    const all = addresses.map((address, at) => new Peer(port, address, 64502 + at, at === 2 ? second : []))
    await Promise.all(all.map((peer) => peer.up()))
    const [source, one, other] = all as [Peer, Peer, Peer]
    const sent = table(64502)
    // A cut in the middle of a message.
    source.socket.write(sent.subarray(0, 10_001))
    source.socket.write(sent.subarray(10_001))
    const heard = [await one.heard(MESSAGES), await other.heard(MESSAGES)]
    const buffers = daemon.query("buffers", {}) as {
      readonly repackCache: { readonly hits: number; readonly misses: number; readonly entries: number }
      readonly passThrough: Readonly<Record<"unchanged" | "repacked", { readonly messages: number }>>
    }
    for (const { socket } of all) socket.destroy()
    return { sent, heard, buffers }
  }
  return Effect.runPromise(
    Effect.gen(function* () {
      const face = yield* Deferred.make<Daemon>()
      const surface = (daemon: Daemon): Effect.Effect<boolean> => Deferred.succeed(face, daemon)
      const loaded = { path: "", warnings: [], daemon: daemonConfig, router }
      const running = yield* Effect.forkChild(Effect.orDie(runDaemon(loaded, { surface, diary: Logger.layer([]) })))
      const daemon = yield* Deferred.await(face)
      const result = yield* Effect.promise(() => body(daemon))
      yield* Fiber.interrupt(running)
      return result
    })
  )
}

it("writes attributes once for peers that differ in how long a message they take", async () => {
  const { heard, buffers } = await run("external", [{ _tag: "ExtendedMessage" }])
  expect(heard.map(({ length }) => length)).toEqual([MESSAGES, MESSAGES])
  expect(Buffer.concat(heard[0]!)).toEqual(Buffer.concat(heard[1]!))
  expect(buffers.repackCache.hits).toBe(MESSAGES)
  expect(buffers.repackCache).toMatchObject({ misses: MESSAGES, entries: 0 })
}, 30_000)

it("sends on what a client of the route server said, byte by byte, also what was read in two pieces [RFC 7947 §2.2]", async () => {
  const { sent, heard, buffers } = await run("route-server-client", [])
  for (const messages of heard) expect(Buffer.concat(messages).equals(Buffer.from(sent))).toBe(true)
  expect(buffers.passThrough.unchanged.messages).toBe(MESSAGES)
}, 30_000)
