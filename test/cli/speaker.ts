// A peer for a daemon that runs as a process: it waits for connections, answers OPEN and KEEPALIVE, announces a few prefixes, and keeps
// what it is told. Real TCP, so that the daemon meets it as it meets any router.
import { createServer, type Socket } from "node:net"
import {
  type Capability,
  decodeNotification,
  decodeOpen,
  describeNotification,
  encodeEndOfRib,
  encodeOpen,
  type Fault,
  frame,
  isFault,
  keepalive,
  MessageType,
  type Open
} from "../../src/wire/index.ts"

export interface Speaker {
  readonly port: number
  /** Connections that got as far as the daemon's OPEN, ever. */
  readonly opens: Array<Open>
  readonly notifications: Array<Fault>
  /** Types of what came under a session, beside KEEPALIVE. */
  readonly types: Array<number>
  /** The NOTIFICATIONs in words. */
  readonly words: () => ReadonlyArray<string>
  /** Drops its connections without a word and takes no new ones, until it is told that it is back. */
  readonly leave: () => void
  readonly comeBack: () => void
  readonly end: () => void
}

export interface SpeakerSettings {
  readonly address: string
  readonly asn: number
  readonly capabilities?: ReadonlyArray<Capability>
  /** UPDATEs that it tells before End-of-RIB. */
  readonly updates?: ReadonlyArray<Uint8Array>
}

export const startSpeaker = ({ address, asn, capabilities = [], updates = [] }: SpeakerSettings): Promise<Speaker> => {
  const opens: Array<Open> = []
  const notifications: Array<Fault> = []
  const types: Array<number> = []
  const sockets = new Set<Socket>()
  const told = new WeakSet<Socket>()
  let isAway = false
  const open = encodeOpen({
    version: 4,
    asn,
    holdTime: 90,
    id: 0x0a00_0000 | Number(address.split(".")[3]),
    capabilities: [
      { _tag: "Multiprotocol", afi: 1, safi: 1 },
      { _tag: "RouteRefresh" },
      { _tag: "FourOctetAs", asn },
      ...capabilities
    ]
  })
  const heard = (socket: Socket, message: Uint8Array): void => {
    if (told.has(socket) && message[18] !== MessageType.Keepalive) types.push(message[18]!)
    switch (message[18]) {
      case MessageType.Open: {
        const theirs = decodeOpen(message, 0, message.length)
        if (!isFault(theirs)) opens.push(theirs)
        socket.write(open)
        socket.write(keepalive())
        return
      }
      case MessageType.Keepalive:
        socket.write(keepalive())
        if (told.has(socket)) return
        told.add(socket)
        for (const update of [...updates, encodeEndOfRib(0)]) socket.write(update)
        return
      case MessageType.Notification:
        notifications.push(decodeNotification(message, 0, message.length))
        socket.end()
    }
  }
  const server = createServer({ noDelay: true }, (socket) => {
    if (isAway) return void socket.destroy()
    sockets.add(socket)
    let waiting = Buffer.alloc(0)
    socket.on("error", () => socket.destroy())
    socket.once("close", () => sockets.delete(socket))
    socket.on("data", (chunk: Buffer) => {
      waiting = Buffer.concat([waiting, chunk])
      for (;;) {
        const length = frame(waiting, 0, waiting.length, 4096)
        if (length <= 0 || length > waiting.length) return
        heard(socket, new Uint8Array(waiting.subarray(0, length)))
        waiting = waiting.subarray(length)
      }
    })
  })
  return new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(0, address, () => {
      const bound = server.address()
      resolve({
        port: typeof bound === "object" && bound !== null ? bound.port : 0,
        opens,
        notifications,
        types,
        words: () => notifications.map(describeNotification),
        leave: () => {
          isAway = true
          for (const socket of sockets) socket.destroy()
        },
        comeBack: () => {
          isAway = false
        },
        end: () => {
          server.close()
          for (const socket of sockets) socket.destroy()
        }
      })
    })
  })
}
