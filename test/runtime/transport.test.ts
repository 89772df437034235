// The transport against real sockets on loopback. Every wait is for an event that must come; none is for a time.
import { connect, createServer, type Server, type Socket } from "node:net"
import { Effect, Queue } from "effect"
import { describe, expect, it } from "vitest"
import { ACCEPTED, ConnectionChange, type EventRecord } from "../../src/eventlog/index.ts"
import { type BoundedInbox, Inbox } from "../../src/runtime/inbox.ts"
import { Transport, type TransportOptions, type TransportService } from "../../src/runtime/transport.ts"

type ConnectionRecord = Extract<EventRecord, { readonly _tag: "Connection" }>

class World {
  readonly transport: TransportService
  private readonly inbox: BoundedInbox
  private readonly seen: Array<EventRecord> = []

  constructor(transport: TransportService, inbox: BoundedInbox) {
    this.transport = transport
    this.inbox = inbox
  }

  /** Takes records as the daemon does until one fits; what came before it is in `seen`. */
  async until<A extends EventRecord>(fits: (record: EventRecord) => record is A): Promise<A> {
    for (;;) {
      const found = this.seen.find(fits)
      if (found !== undefined) {
        this.seen.splice(this.seen.indexOf(found), 1)
        return found
      }
      await this.take()
    }
  }

  async take(): Promise<ReadonlyArray<EventRecord>> {
    const records = (await Effect.runPromise(Effect.orDie(Queue.takeAll(this.inbox.queue)))) as Array<EventRecord>
    // Taken, their memory is used again.
    this.seen.push(
      ...records.map((record) => (record._tag === "Bytes" ? { ...record, bytes: record.bytes.slice() } : record))
    )
    this.inbox.taken(records)
    this.transport.taken(records)
    return records
  }

  change(change: ConnectionChange): Promise<ConnectionRecord> {
    return this.until((record): record is ConnectionRecord => record._tag === "Connection" && record.change === change)
  }

  /** Bytes of a connection, joined, until there are so many. */
  async bytes(conn: number, count: number): Promise<Uint8Array> {
    const chunks: Array<Uint8Array> = []
    let length = 0
    while (length < count) {
      const record = await this.until(
        (candidate): candidate is Extract<EventRecord, { readonly _tag: "Bytes" }> =>
          candidate._tag === "Bytes" && candidate.conn === conn
      )
      chunks.push(record.bytes)
      length += record.bytes.length
    }
    return Buffer.concat(chunks)
  }
}

const withTransport = (body: (world: World) => Promise<void>, options: TransportOptions = {}): Promise<void> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const world = new World(yield* Transport, yield* Inbox)
      yield* Effect.promise(() => body(world))
    }).pipe(Effect.provide(Transport.layer(options)), Effect.provide(Inbox.layer))
  )

const listen = async (world: World): Promise<number> => {
  const bound = await Effect.runPromise(world.transport.listen("127.0.0.1:0"))
  return Number(bound.split(":")[1])
}

const connectTo = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port })
    socket.once("connect", () => resolve(socket))
    socket.once("error", reject)
  })

const once = (socket: Socket, event: string): Promise<unknown> => new Promise((resolve) => socket.once(event, resolve))

const textOf = async (socket: Socket): Promise<string> => {
  let text = ""
  for await (const chunk of socket) text += String(chunk)
  return text
}

const target = (port: number) => ({ address: "127.0.0.1", port, localAddress: "" })

const withServer = async (
  handle: (socket: Socket) => void,
  body: (port: number, server: Server) => Promise<void>
): Promise<void> => {
  const server = createServer(handle)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const bound = server.address()
  try {
    await body(typeof bound === "object" && bound !== null ? bound.port : 0, server)
  } finally {
    server.close()
  }
}

describe("listening", () => {
  it("reports who connected, numbered from ACCEPTED on, with both endpoints", () =>
    withTransport(async (world) => {
      const port = await listen(world)
      const socket = await connectTo(port)
      const accepted = await world.change(ConnectionChange.Accepted)
      expect(accepted).toMatchObject({
        conn: ACCEPTED,
        local: `127.0.0.1:${port}`,
        remote: `127.0.0.1:${socket.localPort}`
      })
      const other = await connectTo(port)
      expect((await world.change(ConnectionChange.Accepted)).conn).toBe(ACCEPTED + 1)
      socket.destroy()
      other.destroy()
    }))

  it("says in one sentence that a port is taken, and that the configuration is to be changed", () =>
    withTransport(async (world) => {
      const port = await listen(world)
      const failure = await Effect.runPromise(Effect.flip(world.transport.listen(`127.0.0.1:${port}`)))
      expect(failure).toMatchObject({ status: 2, code: "EADDRINUSE" })
      expect(failure.message).toContain(`127.0.0.1:${port}`)
    }))

  it("says that an address is not this machine's", () =>
    withTransport(async (world) => {
      const failure = await Effect.runPromise(Effect.flip(world.transport.listen("203.0.113.1:1790")))
      expect(failure).toMatchObject({ status: 2, code: "EADDRNOTAVAIL" })
    }))

  it("refuses connections beyond the bound, and takes new ones when some have gone", () =>
    withTransport(
      async (world) => {
        const port = await listen(world)
        const first = await connectTo(port)
        const { conn } = await world.change(ConnectionChange.Accepted)
        const second = await connectTo(port)
        await once(second, "close")
        expect(world.transport.stats()).toMatchObject({ connections: 1, refused: 1 })
        world.transport.close(conn, true)
        await once(first, "close")
        await world.change(ConnectionChange.Closed)
        const third = await connectTo(port)
        expect((await world.change(ConnectionChange.Accepted)).conn).toBe(ACCEPTED + 1)
        third.destroy()
      },
      { connectionsMax: 1 }
    ))

  it("stops when told, and leaves connections as they are", () =>
    withTransport(async (world) => {
      const port = await listen(world)
      const socket = await connectTo(port)
      const { conn } = await world.change(ConnectionChange.Accepted)
      world.transport.unlisten()
      await expect(connectTo(port)).rejects.toMatchObject({ code: "ECONNREFUSED" })
      socket.write("still here")
      expect(String(await world.bytes(conn, 10))).toBe("still here")
      socket.destroy()
    }))
})

describe("dialling", () => {
  it("reports the connection, then its bytes as they come, then its end, then nothing", () =>
    withServer(
      (socket) => void socket.end("hello"),
      (port) =>
        withTransport(async (world) => {
          world.transport.dial(7, target(port))
          expect(await world.change(ConnectionChange.Dialled)).toMatchObject({ conn: 7, remote: `127.0.0.1:${port}` })
          expect(String(await world.bytes(7, 5))).toBe("hello")
          expect(await world.change(ConnectionChange.Closed)).toMatchObject({ conn: 7, cause: "closed by the peer" })
          expect(world.transport.stats().connections).toBe(0)
        })
    ))

  it("is read into memory of ours, whichever side connected", () =>
    withTransport(async (world) => {
      const port = await listen(world)
      world.transport.dial(7, target(port))
      const { conn } = await world.change(ConnectionChange.Accepted)
      await world.change(ConnectionChange.Dialled)
      for (const [from, to] of [
        [7, conn],
        [conn, 7]
      ] as const) {
        world.transport.send(from, Buffer.from("kept"), () => {})
        world.transport.flush()
        const record = await world.take().then(([first]) => first)
        expect(record).toMatchObject({ _tag: "Bytes", conn: to })
        if (record?._tag !== "Bytes" || record.keeper === undefined) throw new Error("nobody keeps the bytes")
        expect(record.bytes.buffer.byteLength).toBe(4096)
      }
      const pools = world.transport.stats().pools
      expect(pools.map(({ name, leased }) => [name, leased])).toEqual([
        ["in 127.0.0.1", 1],
        ["in 127.0.0.1", 1]
      ])
      world.transport.expect(conn, 65535)
      world.transport.send(7, new Uint8Array(100_000), () => {})
      world.transport.flush()
      const bytes = await world.bytes(conn, 100_004)
      expect(bytes.subarray(4)).toEqual(Buffer.alloc(100_000))
      expect(world.transport.stats().pools.map(({ size }) => size)).toContain(65536)
    }))

  it("reports why it failed", () =>
    withTransport(async (world) => {
      const port = await listen(world)
      world.transport.unlisten()
      world.transport.dial(7, target(port))
      expect(await world.change(ConnectionChange.DialFailed)).toMatchObject({ conn: 7, cause: "ECONNREFUSED" })
    }))

  it("reports a source address that is none as a failure, not as an exception", () =>
    withTransport(async (world) => {
      world.transport.dial(7, { address: "127.0.0.1", port: 1, localAddress: "nonsense" })
      expect((await world.change(ConnectionChange.DialFailed)).conn).toBe(7)
    }))

  it("is given up when closed before it is connected", () =>
    withServer(
      () => undefined,
      (port) =>
        withTransport(async (world) => {
          world.transport.dial(7, target(port))
          world.transport.close(7, false)
          expect((await world.change(ConnectionChange.Closed)).conn).toBe(7)
        })
    ))
})

describe("sending", () => {
  it("keeps the order, and says of each piece when it has left", () =>
    withTransport(async (world) => {
      const port = await listen(world)
      const socket = await connectTo(port)
      const { conn } = await world.change(ConnectionChange.Accepted)
      const left: Array<number> = []
      const pieces = Array.from({ length: 100 }, (_, index) => `${index} `)
      pieces.forEach((piece, index) => {
        world.transport.send(conn, Buffer.from(piece), () => left.push(index))
      })
      world.transport.flush()
      world.transport.close(conn, false)
      expect(await textOf(socket)).toBe(pieces.join(""))
      await world.change(ConnectionChange.Closed)
      expect(left).toEqual(pieces.map((_, index) => index))
    }))

  it("says of bytes for a connection that is gone that they have left", () =>
    withTransport(async (world) => {
      let left = 0
      world.transport.send(99, new Uint8Array(10), () => left++)
      world.transport.flush()
      expect(left).toBe(1)
    }))

  it("gives every piece back when the connection breaks with much unsent", () =>
    withTransport(async (world) => {
      const port = await listen(world)
      const socket = await connectTo(port)
      socket.pause()
      const { conn } = await world.change(ConnectionChange.Accepted)
      let left = 0
      const pieces = 200
      for (let index = 0; index < pieces; index++) {
        world.transport.send(conn, new Uint8Array(256 * 1024), () => left++)
        world.transport.flush()
      }
      socket.resetAndDestroy()
      await world.change(ConnectionChange.Closed)
      await new Promise((resolve) => setImmediate(resolve))
      expect(left).toBe(pieces)
    }))

  it("reports Drained once what was sent before has left, and at once when nothing waits", () =>
    withTransport(async (world) => {
      const port = await listen(world)
      const socket = await connectTo(port)
      const { conn } = await world.change(ConnectionChange.Accepted)
      world.transport.wantDrained(conn)
      expect((await world.change(ConnectionChange.Drained)).conn).toBe(conn)
      let left = false
      world.transport.send(conn, new Uint8Array(32 * 1024 * 1024), () => {
        left = true
      })
      world.transport.wantDrained(conn)
      world.transport.flush()
      socket.resume()
      await world.change(ConnectionChange.Drained)
      expect(left).toBe(true)
      socket.destroy()
    }))
})

describe("closing", () => {
  it("lets the peer read our last word, even if what it said was never read [RFC 4271 §6]", () =>
    withTransport(async (world) => {
      const port = await listen(world)
      const socket = await connectTo(port)
      const { conn } = await world.change(ConnectionChange.Accepted)
      socket.write(new Uint8Array(1024 * 1024))
      world.transport.send(conn, Buffer.from("goodbye"), () => undefined)
      world.transport.close(conn, false)
      expect(await textOf(socket)).toBe("goodbye")
      expect((await world.change(ConnectionChange.Closed)).cause).toBe("closed by us")
    }))

  it("cuts off a peer that never closes its side", () =>
    withTransport(async (world) => {
      const port = await listen(world)
      const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true })
      const { conn } = await world.change(ConnectionChange.Accepted)
      world.transport.close(conn, false)
      expect((await world.change(ConnectionChange.Closed)).conn).toBe(conn)
      socket.destroy()
    }))

  it("reports a reset as its cause", () =>
    withTransport(async (world) => {
      const port = await listen(world)
      const socket = await connectTo(port)
      await world.change(ConnectionChange.Accepted)
      socket.resetAndDestroy()
      expect((await world.change(ConnectionChange.Closed)).cause).toBe("ECONNRESET")
    }))
})

describe("back-pressure", () => {
  it("stops reading a connection whose bytes are not taken, loses none, and lets others be heard", () =>
    withTransport(async (world) => {
      const port = await listen(world)
      const flood = await connectTo(port)
      const { conn } = await world.change(ConnectionChange.Accepted)
      const sent = 24 * 1024 * 1024
      flood.write(Buffer.alloc(sent, 1))
      flood.end()
      // Nothing is taken here: reading stops by itself.
      while (world.transport.stats().paused === 0) await new Promise((resolve) => setImmediate(resolve))
      const other = await connectTo(port)
      other.destroy()
      let received = 0
      let closed = 0
      const others = new Set<number>()
      while (closed < 2) {
        for (const record of await world.take()) {
          if (record._tag === "Bytes" && record.conn === conn) received += record.bytes.length
          if (record._tag !== "Connection") continue
          if (record.change === ConnectionChange.Accepted) others.add(record.conn)
          if (record.change === ConnectionChange.Closed) closed++
        }
      }
      expect(received).toBe(sent)
      expect(others.size).toBe(1)
    }))
})
