// A BGP speaker with one trick: it waits for a connection, opens a session, plays its table, and stays. For the demonstration, over real
// TCP, so that the daemon meets it as it meets any router.
import { createServer, type Socket } from "node:net"
import { Effect, type Scope } from "effect"
import { encodeEndOfRib, encodeOpen, Family, frame, keepalive, MessageType } from "../wire/index.ts"
import type { DemoTable } from "./demo-table.ts"
import { DaemonFailed } from "./outfit.ts"

export interface SpeakerSettings {
  readonly address: string
  readonly asn: number
  /** BGP Identifier. */
  readonly id: number
  readonly table: DemoTable
}

/** Listens until the scope closes; gives the port. */
export const startSpeaker = (settings: SpeakerSettings): Effect.Effect<number, DaemonFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const sockets = new Set<Socket>()
    const server = createServer({ noDelay: true }, (socket) => {
      sockets.add(socket)
      socket.once("close", () => sockets.delete(socket))
      play(socket, settings)
    })
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        server.close()
        for (const socket of sockets) socket.destroy()
      })
    )
    return yield* Effect.callback<number, DaemonFailed>((resume) => {
      server.once("error", ({ message }) => {
        const sentence = `the built-in speaker cannot listen on ${settings.address}: ${message}`
        resume(Effect.fail(new DaemonFailed({ message: sentence, status: 1 })))
      })
      server.listen(0, settings.address, () => {
        const bound = server.address()
        resume(Effect.succeed(typeof bound === "object" && bound !== null ? bound.port : 0))
      })
    })
  })

const play = (socket: Socket, { asn, id, table }: SpeakerSettings): void => {
  let waiting = new Uint8Array(0)
  let isOpen = false
  let hasPlayed = false
  const heartbeat = setInterval(() => isOpen && socket.write(keepalive()), (HOLD_TIME_S * 1000) / 3)
  socket.once("close", () => clearInterval(heartbeat))
  socket.on("error", () => socket.destroy())
  socket.on("data", (chunk: Uint8Array) => {
    waiting = joined(waiting, chunk)
    for (;;) {
      const length = frame(waiting, 0, waiting.length, 4096)
      if (length < 0) return socket.destroy()
      if (length === 0 || length > waiting.length) return
      const type = waiting[18]
      waiting = waiting.subarray(length)
      if (type === MessageType.Open) {
        isOpen = true
        socket.write(open(asn, id))
        socket.write(keepalive())
      } else if (type === MessageType.Keepalive && !hasPlayed) {
        hasPlayed = true
        for (const block of blocksOf([...table.updates, encodeEndOfRib(Family.Ipv4Unicast)])) socket.write(block)
      }
    }
  })
}

const HOLD_TIME_S = 90

const open = (asn: number, id: number): Uint8Array =>
  encodeOpen({
    version: 4,
    asn,
    holdTime: HOLD_TIME_S,
    id,
    capabilities: [{ _tag: "Multiprotocol", afi: 1, safi: 1 }, { _tag: "RouteRefresh" }, { _tag: "FourOctetAs", asn }]
  })

/** Messages written together: one write for each 64 KiB. */
const blocksOf = (messages: ReadonlyArray<Uint8Array>): ReadonlyArray<Uint8Array> => {
  const blocks: Array<Uint8Array> = []
  let pending: Array<Uint8Array> = []
  let bytes = 0
  for (const message of messages) {
    pending.push(message)
    bytes += message.length
    if (bytes < BLOCK_BYTES) continue
    blocks.push(Buffer.concat(pending))
    pending = []
    bytes = 0
  }
  return [...blocks, Buffer.concat(pending)]
}

const BLOCK_BYTES = 64 * 1024

const joined = (first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> => {
  const whole = new Uint8Array(first.length + second.length)
  whole.set(first)
  whole.set(second, first.length)
  return whole
}
