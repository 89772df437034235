// TCP for the router: it listens, dials, sends and closes as told, and reports what happens as records. Connections that the router
// dials carry the number that it gave; those accepted here are numbered from ACCEPTED on. Back-pressure: when the inbox has no room, or
// too much of one connection waits in it, that connection is not read until the daemon has taken what waits. Nothing is dropped.
import { createServer, type OnReadOpts, type Server, type Socket } from "node:net"
import { Context, Data, Effect, Exit, Layer, Runtime, Scope } from "effect"
import type { PoolStats } from "../buffers/index.ts"
import { ACCEPTED, ConnectionChange, type ConnId, type EventRecord } from "../eventlog/index.ts"
import { CONNECTIONS_MAX } from "../machine/index.ts"
import { Connection } from "./connection.ts"
import { formatEndpoint, parseEndpoint } from "./endpoint.ts"
import { type BoundedInbox, Inbox } from "./inbox.ts"
import { type ReceiveBuffers, receiveBuffers } from "./receive-buffers.ts"
import type { TcpPeer } from "./tcp-options.ts"
import { TcpPolicy, type TcpStats } from "./tcp-policy.ts"
import { readingInto } from "./tcp-socket.ts"

/** We cannot listen where the configuration says. The message is one sentence with what to do. */
export class ListenFailed extends Data.TaggedError("ListenFailed")<{
  readonly message: string
  /** 4: a permission is missing; 2: the configuration asks for what cannot be had. */
  readonly status: 2 | 4
  /** The system's word. */
  readonly code: string
}> {
  override readonly [Runtime.errorExitCode] = this.status
}

export interface DialTarget {
  readonly address: string
  readonly port: number
  /** Empty: the system chooses. */
  readonly localAddress: string
}

export interface TransportService {
  /** What TCP should know of the peers, before the router hears of them. Returns what cannot be done, a sentence each. */
  readonly configure: (peers: ReadonlyArray<TcpPeer>) => ReadonlyArray<string>
  /** Listens on `address:port` and reports who connects; gives the endpoint that it got (port 0 takes a free one). */
  readonly listen: (endpoint: string) => Effect.Effect<string, ListenFailed>
  readonly unlisten: () => void
  readonly dial: (conn: ConnId, target: DialTarget) => void
  /** Sends in order; `onWritten` is called once, when the bytes have left our memory or never will. Goes out with `flush`. */
  readonly send: (conn: ConnId, bytes: Uint8Array, onWritten: () => void) => void
  /** The end of a batch: all that was sent to one connection goes out as one write. */
  readonly flush: () => void
  readonly wantDrained: (conn: ConnId) => void
  /** The peer's messages are of this length at most: how much memory its reads are given follows. */
  readonly expect: (conn: ConnId, messageBytesMax: number) => void
  readonly close: (conn: ConnId, abort: boolean) => void
  /** These records have become a batch: connections that waited for room are read again. */
  readonly taken: (records: ReadonlyArray<EventRecord>) => void
  readonly stats: () => TransportStats
}

export interface TransportStats {
  readonly connections: number
  /** Connections refused because there were CONNECTIONS_MAX already. */
  readonly refused: number
  /** Connections that are not read at the moment because of back-pressure. */
  readonly paused: number
  readonly tcp: TcpStats
  /** What connections read into, a pool each. */
  readonly pools: ReadonlyArray<PoolStats>
}

export class Transport extends Context.Service<Transport, TransportService>()("backwalk/runtime/Transport") {
  /** Closed with the scope: sockets are gone, and every `onWritten` was called, when it returns. */
  static readonly layer = (options: TransportOptions = {}): Layer.Layer<Transport, never, Inbox> =>
    Layer.effect(Transport, makeTransport(options))
}

export interface TransportOptions {
  readonly connectionsMax?: number
}

const makeTransport = (options: TransportOptions): Effect.Effect<TransportService, never, Inbox | Scope.Scope> =>
  Effect.gen(function* () {
    const inbox = yield* Inbox
    const scope = yield* Effect.scope
    return yield* Effect.acquireRelease(
      Effect.sync(() => new TcpTransport(inbox, scope, options.connectionsMax ?? CONNECTIONS_MAX)),
      (transport) => transport.end
    )
  })

/** A connection's pool and the scope that it lives in. */
interface Reader {
  readonly buffers: ReceiveBuffers
  readonly scope: Scope.Closeable
  /** For the socket; bytes go to the connection once there is one. */
  readonly onread: OnReadOpts
  connection: Connection | undefined
}

class TcpTransport implements TransportService {
  private readonly inbox: BoundedInbox
  private readonly connectionsMax: number
  private readonly connections = new Map<ConnId, Connection>()
  private readonly servers = new Set<Server>()
  private readonly corked = new Set<Connection>()
  private readonly paused = new Set<Connection>()
  private readonly tcp = new TcpPolicy()
  /** Connections are in it, each in a scope of its own. */
  private readonly scope: Scope.Scope
  private readonly readers = new Map<ConnId, Reader>()
  private nextAccepted: ConnId = ACCEPTED
  private refused = 0
  private onEmpty: (() => void) | undefined

  constructor(inbox: BoundedInbox, scope: Scope.Scope, connectionsMax: number) {
    this.inbox = inbox
    this.scope = scope
    this.connectionsMax = connectionsMax
  }

  readonly configure = (peers: ReadonlyArray<TcpPeer>): ReadonlyArray<string> => this.tcp.configure(peers)

  readonly listen = (endpoint: string): Effect.Effect<string, ListenFailed> =>
    Effect.callback<string, ListenFailed>((resume) => {
      const parsed = parseEndpoint(endpoint)
      if (parsed === undefined) {
        const message = `listen ${endpoint}: expected ADDRESS:PORT or [ADDRESS]:PORT`
        return resume(Effect.fail(new ListenFailed({ message, status: 2, code: "EINVAL" })))
      }
      const server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) => this.accepted(socket))
      const failed = (error: NodeJS.ErrnoException): void => resume(Effect.fail(cannotListen(endpoint, error)))
      server.once("error", failed)
      server.once("listening", () => {
        server.off("error", failed)
        // Later errors are of a single accept (out of descriptors): that connection is lost, listening goes on.
        server.on("error", () => this.refused++)
        this.servers.add(server)
        const bound = server.address()
        const got = typeof bound === "object" && bound ? formatEndpoint(bound.address, bound.port) : endpoint
        resume(
          Effect.as(
            Effect.forEach(problems, (problem) => Effect.logError(problem)),
            got
          )
        )
      })
      const problems = this.tcp.listen(server, { ...parsed, backlog: BACKLOG })
    })

  readonly unlisten = (): void => {
    for (const server of this.servers) server.close()
    this.servers.clear()
  }

  readonly dial = (conn: ConnId, target: DialTarget): void => {
    if (this.connections.size >= this.connectionsMax) {
      this.dialFailed(conn, "too many connections")
      return
    }
    const reader = this.openReader(target.address)
    try {
      const socket = this.tcp.dial(target, reader.onread)
      this.hold(conn, socket, false, reader)
    } catch (cause) {
      this.closeReader(reader)
      this.dialFailed(conn, cause instanceof Error ? cause.message : String(cause))
    }
  }

  readonly send = (conn: ConnId, bytes: Uint8Array, onWritten: () => void): void => {
    const connection = this.connections.get(conn)
    if (connection === undefined) {
      onWritten()
      return
    }
    this.corked.add(connection)
    connection.send(bytes, onWritten)
  }

  readonly flush = (): void => {
    for (const connection of this.corked) connection.flush()
    this.corked.clear()
  }

  readonly wantDrained = (conn: ConnId): void => this.connections.get(conn)?.wantDrained()

  readonly expect = (conn: ConnId, messageBytesMax: number): void => this.connections.get(conn)?.expect(messageBytesMax)

  readonly close = (conn: ConnId, abort: boolean): void => this.connections.get(conn)?.close(abort)

  readonly taken = (records: ReadonlyArray<EventRecord>): void => {
    for (const record of records) {
      if (record._tag !== "Bytes") continue
      this.connections.get(record.conn)?.taken(record.bytes.length)
      record.keeper?.release()
    }
    for (const connection of this.paused) {
      if (!this.inbox.hasRoom) return
      if (connection.resume()) this.paused.delete(connection)
    }
  }

  readonly stats = (): TransportStats => ({
    connections: this.connections.size,
    refused: this.refused,
    paused: this.paused.size,
    tcp: this.tcp.stats(),
    pools: [...this.readers.values()].map(({ buffers }) => buffers.stats())
  })

  /** Everything closed, whether the peers have read our last words or not: whoever wants that waits before. */
  readonly end: Effect.Effect<void> = Effect.callback<void>((resume) => {
    this.unlisten()
    for (const connection of this.connections.values()) connection.destroy()
    if (this.connections.size === 0) return resume(Effect.void)
    // Callbacks of writes under way come on the turn after a connection has closed.
    this.onEmpty = () => setImmediate(() => resume(Effect.void))
  })

  private readonly home = {
    offer: (record: EventRecord): void => this.inbox.offerNow(record),
    hasRoom: (): boolean => this.inbox.hasRoom,
    shareBytes: (): number => this.inbox.shareBytes,
    paused: (connection: Connection): void => {
      this.paused.add(connection)
    },
    gone: (connection: Connection): void => {
      this.connections.delete(connection.id)
      const reader = this.readers.get(connection.id)
      this.readers.delete(connection.id)
      if (reader !== undefined) this.closeReader(reader)
      this.corked.delete(connection)
      this.paused.delete(connection)
      if (this.connections.size === 0) this.onEmpty?.()
    }
  }

  private accepted(socket: Socket): void {
    const isFull = this.connections.size >= this.connectionsMax
    if (isFull || socket.remoteAddress === undefined || this.tcp.admit(socket) !== undefined) {
      this.refused++
      socket.on("error", () => undefined)
      socket.destroy()
      return
    }
    const conn = this.freshNumber()
    const reader = this.openReader(socket.remoteAddress)
    const reading = readingInto(socket, reader.onread)
    if (reading === undefined) this.closeReader(reader)
    const connection = this.hold(conn, reading ?? socket, true, reading && reader)
    if (reading === undefined) socket.resume()
    const { remote, local } = connection
    this.inbox.offerNow({ _tag: "Connection", conn, change: ConnectionChange.Accepted, remote, local, cause: "" })
  }

  private hold(conn: ConnId, socket: Socket, isConnected: boolean, reader: Reader | undefined): Connection {
    const connection = new Connection(conn, socket, this.home, isConnected, reader?.buffers)
    this.connections.set(conn, connection)
    if (reader !== undefined) {
      reader.connection = connection
      this.readers.set(conn, reader)
    }
    return connection
  }

  private openReader(peer: string): Reader {
    const scope = Scope.forkUnsafe(this.scope)
    const buffers = Effect.runSync(Scope.provide(receiveBuffers(`in ${peer}`), scope))
    const reader: Reader = {
      buffers,
      scope,
      connection: undefined,
      onread: {
        buffer: () => buffers.next(),
        callback: (byteCount) => {
          reader.connection?.read(byteCount)
          return true
        }
      }
    }
    return reader
  }

  private closeReader({ scope }: Reader): void {
    Effect.runSync(Scope.close(scope, Exit.void))
  }

  private freshNumber(): ConnId {
    while (this.connections.has(this.nextAccepted)) this.advance()
    const conn = this.nextAccepted
    this.advance()
    return conn
  }

  private advance(): void {
    this.nextAccepted = this.nextAccepted === CONN_MAX ? ACCEPTED : this.nextAccepted + 1
  }

  private dialFailed(conn: ConnId, cause: string): void {
    const change = ConnectionChange.DialFailed
    this.inbox.offerNow({ _tag: "Connection", conn, change, remote: "", local: "", cause })
  }
}

const CONN_MAX: ConnId = 0xffff_ffff
/** Peers that connect all at once after a restart of ours. */
const BACKLOG = 1024

const cannotListen = (endpoint: string, error: NodeJS.ErrnoException): ListenFailed => {
  const code = error.code ?? ""
  const status = code === "EACCES" || code === "EPERM" ? 4 : 2
  return new ListenFailed({ status, code, message: `listen ${endpoint}: ${REASONS[code] ?? error.message}` })
}

const PORT_REFUSED =
  "ports below 1024 need CAP_NET_BIND_SERVICE: run as root, give the service AmbientCapabilities=CAP_NET_BIND_SERVICE, " +
  "or choose another port"

const REASONS: Readonly<Record<string, string>> = {
  EACCES: PORT_REFUSED,
  EPERM: PORT_REFUSED,
  EADDRINUSE: "another program listens there; stop it, or choose another address or port",
  EADDRNOTAVAIL: "this machine does not have that address; give it one, or choose another",
  EAFNOSUPPORT: "this machine has no such family of addresses"
}
