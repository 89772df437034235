// The interpreter of the server's machine (`fanout/serve.ts`): it listens, decodes what clients say, writes what the machine names, and
// tells it the time. A buffer that goes to a thousand clients is one buffer, framed once; what a client has not taken stays the kernel's.
import { type AddressInfo, createServer, type Server, type Socket } from "node:net"
import {
  type CacheInput,
  createServe,
  DROP_REASONS,
  type DropReason,
  Framing,
  SERVER_LIMITS,
  type ServeEvent,
  type ServeSettings,
  type ServeState,
  serveEffects,
  serveMachine,
  writeSnappy
} from "../fanout/index.ts"
import { OpBuffer } from "../machine/index.ts"
import { formatEndpoint, parseEndpoint } from "./endpoint.ts"
import { nowMicros } from "./fanout-clock.ts"
import { FanoutMetrics } from "./fanout-metrics.ts"
import { FanoutReader, snappyBlocks } from "./fanout-reader.ts"
import { acceptTls, type FanoutTls } from "./fanout-tls.ts"

export interface FanoutServerOptions extends ServeSettings {
  readonly seed: number
  readonly tls?: FanoutTls
  /** How often the machine is told the time; several times within the shortest of the times in the settings. */
  readonly tickMs?: number
  /** What people may want to know, a sentence each. */
  readonly say: (message: string) => void
}

interface Link {
  readonly conn: number
  readonly socket: Socket
  readonly reader: FanoutReader
  readonly address: string
  /** Writes that are not out yet. */
  waiting: number
  /** Shared by all writes: a write makes no closure. */
  readonly done: () => void
}

export class FanoutServer {
  readonly #options: FanoutServerOptions
  #state: ServeState
  readonly #out = new OpBuffer()
  readonly #links = new Map<number, Link>()
  readonly #servers: Array<Server> = []
  readonly #ticking: NodeJS.Timeout
  readonly #framed = new WeakMap<Uint8Array, Uint8Array>()
  readonly #framedStart = new WeakMap<Uint8Array, Uint8Array>()
  readonly metrics = new FanoutMetrics()
  /** Events of callbacks that ran while a step was performed. */
  readonly #waiting: Array<ServeEvent> = []
  #isStepping = false
  #nextConn = 0
  #onDrained: (() => void) | undefined

  constructor(options: FanoutServerOptions) {
    this.#options = options
    const compression = options.compression && snappyBlocks !== undefined
    this.#state = createServe({ ...options, compression }, options.seed)
    this.#ticking = setInterval(() => this.#step({ _tag: "Tick", at: nowMicros() }), options.tickMs ?? 250)
  }

  /** The endpoint that it got. */
  listen(endpoint: string): Promise<string> {
    const parsed = parseEndpoint(endpoint)
    if (parsed === undefined) return Promise.reject(new Error(`${endpoint}: expected ADDRESS:PORT or [ADDRESS]:PORT`))
    const server = createServer({ noDelay: true }, (socket) => this.#accepted(socket))
    // Descriptors are for peers too.
    server.maxConnections = CONNECTIONS_MAX
    server.on("drop", () => this.#options.say(`fan-out: a connection is refused: there are ${CONNECTIONS_MAX} already`))
    return new Promise((resolve, reject) => {
      server.once("error", reject)
      server.listen({ host: parsed.host, port: parsed.port, backlog: BACKLOG }, () => {
        server.off("error", reject)
        // Out of descriptors: that connection is lost, listening goes on.
        server.on("error", (error) => this.#options.say(`fan-out: ${error.message}`))
        this.#servers.push(server)
        const bound = server.address() as AddressInfo
        resolve(formatEndpoint(bound.address, bound.port))
      })
    })
  }

  offer(inputs: ReadonlyArray<CacheInput>): void {
    this.#step({ _tag: "Offered", at: nowMicros(), inputs })
  }

  limit(connections: number): void {
    this.#step({ _tag: "Limited", at: nowMicros(), connections })
  }

  /** No new clients; those that are there are let go one after the other. */
  drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#onDrained = resolve
      this.#step({ _tag: "Drain", at: nowMicros() })
    })
  }

  /** At once. */
  stop(): void {
    clearInterval(this.#ticking)
    for (const server of this.#servers) server.close()
    for (const { socket } of this.#links.values()) socket.destroy()
    this.#links.clear()
  }

  /** Not to be changed. */
  get state(): ServeState {
    return this.#state
  }

  #accepted(plain: Socket): void {
    const { tls } = this.#options
    const conn = ++this.#nextConn
    const address = formatEndpoint(plain.remoteAddress, plain.remotePort)
    const refuse = (reason: string): void => this.#step({ _tag: "Faulted", at: nowMicros(), conn, reason })
    let isTrusted = tls === undefined
    const socket = tls === undefined ? plain : acceptTls(plain, tls, () => (isTrusted = true), refuse)
    const reader = new FanoutReader(SERVER_LIMITS)
    const link: Link = { conn, socket, reader, address, waiting: 0, done: () => this.#written(link) }
    this.#links.set(conn, link)
    const closed = (): void => {
      plain.destroy()
      if (this.#links.delete(conn)) this.#step({ _tag: "Closed", at: nowMicros(), conn })
    }
    socket.on("data", (bytes: Buffer) => {
      if (!isTrusted) return
      const problem = reader.read(bytes, (message) => this.#step({ _tag: "Received", at: nowMicros(), conn, message }))
      if (problem !== undefined) refuse(problem)
    })
    // A handshake that fails is an error of the secure socket, and says why.
    socket.on("error", (error) => {
      if (!isTrusted) refuse(`TLS: ${error.message}`)
      closed()
    })
    if (socket !== plain) plain.on("error", closed)
    plain.on("close", closed)
    this.#step({ _tag: "Accepted", at: nowMicros(), conn, address })
  }

  #written(link: Link): void {
    if (--link.waiting > 0 || this.#links.get(link.conn) !== link) return
    this.#step({ _tag: "Written", at: nowMicros(), conn: link.conn })
  }

  #step(event: ServeEvent): void {
    this.#waiting.push(event)
    if (this.#isStepping) return
    this.#isStepping = true
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      this.#out.clear()
      this.#state = serveMachine.step(this.#state, next, this.#out)
      this.#perform()
    }
    this.#isStepping = false
  }

  #perform(): void {
    const out = this.#out
    const corked: Array<Socket> = []
    for (let index = 0; index < out.length; index++) {
      const a = out.a(index)
      switch (out.code(index)) {
        case code.Send: {
          const link = this.#links.get(a)
          if (link === undefined) break
          // Several messages of one step are one write; one alone needs no cork.
          if (link.waiting > 0 && link.socket.writableCorked === 0) {
            link.socket.cork()
            corked.push(link.socket)
          }
          link.waiting++
          link.socket.write(this.#bytes(out.b(index), out.c(index) as Framing), link.done)
          break
        }
        case code.Close:
          this.#close(a, out.b(index) as DropReason)
          break
        case code.StopListening:
          for (const server of this.#servers.splice(0)) server.close()
          break
        case code.Drained:
          this.#onDrained?.()
          break
        case code.Observe:
          this.metrics.observe(a, out.b(index))
          break
      }
    }
    for (const socket of corked) socket.uncork()
  }

  /** As it goes out; framed once, whoever it goes to. */
  #bytes(index: number, framing: Framing): Uint8Array {
    const plain = this.#state.outgoing[index]
    if (framing === Framing.Plain || snappyBlocks === undefined) return plain
    const isStart = framing === Framing.FramedStart
    const cache = isStart ? this.#framedStart : this.#framed
    const known = cache.get(plain)
    if (known !== undefined) return known
    const framed = writeSnappy(snappyBlocks, plain, isStart)
    this.metrics.compressed(plain.length, framed.length)
    cache.set(plain, framed)
    return framed
  }

  #close(conn: number, reason: DropReason): void {
    const link = this.#links.get(conn)
    if (link === undefined) return
    this.#links.delete(conn)
    link.socket.destroy()
    const detail = reason === BROKEN ? `: ${this.#state.lastFault}` : ""
    this.#options.say(`fan-out: client ${link.address} is dropped: ${DROP_REASONS[reason]}${detail}`)
  }
}

const { code } = serveEffects
const BROKEN: DropReason = 4
/** Followers of a hub that has died come all at once. */
const BACKLOG = 4096
/** The original's upper limit, for each address that is listened on. */
const CONNECTIONS_MAX = 10_000
