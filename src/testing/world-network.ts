// Virtual links between the routers of a world. Bytes arrive in order, late by a drawn latency and in drawn pieces; a link that is cut
// holds whatever is on its way until it is mended, as TCP would by sending again. What is reported and when is what `eventlog` says of
// each ConnectionChange; nothing here knows BGP.
import { ACCEPTED, ConnectionChange, type ConnId, type EventRecord } from "../eventlog/index.ts"
import type { Micros } from "../machine/index.ts"
import type { Agenda } from "./world-agenda.ts"

/** A host of the network: a router that runs, as the network sees it. */
export interface Host {
  readonly name: string
  readonly addresses: ReadonlyArray<string>
  readonly offer: (record: EventRecord) => void
}

export interface NetworkOptions {
  readonly latencyMicros: readonly [min: number, max: number]
  /** At most this many pieces for one send. */
  readonly piecesMax: number
  /** A dial over a link that is cut fails after this long. */
  readonly dialTimeoutMs: number
}

/** One side of a connection. */
interface End {
  readonly host: Host
  readonly conn: ConnId
  other: End | undefined
  /** Its host still reads. */
  isReading: boolean
  /** Closed or DialFailed was reported. */
  isOver: boolean
  /** When the last thing that was sent to this end arrives: nothing sent later comes earlier. */
  arrivesAt: Micros
}

export class Network {
  private readonly agenda: Agenda
  /** An integer from 0 to below the bound. */
  private readonly draw: (bound: number) => number
  private readonly options: NetworkOptions
  private readonly ends = new Map<Host, Map<ConnId, End>>()
  private readonly listeners = new Map<Host, Set<string>>()
  private readonly hosts = new Map<string, Host>()
  /** By pair of names, for links that are cut: what waits to arrive. */
  private readonly held = new Map<string, Array<() => void>>()
  /** Hosts that take no more than so many bytes a second. */
  private readonly bytesPerSecond = new Map<Host, number>()
  private nextAccepted = ACCEPTED
  private nextPort = 32_768

  constructor(agenda: Agenda, draw: (bound: number) => number, options: NetworkOptions) {
    this.agenda = agenda
    this.draw = draw
    this.options = options
  }

  attach(host: Host): void {
    for (const address of host.addresses) this.hosts.set(address, host)
    this.ends.set(host, new Map())
    this.listeners.set(host, new Set())
  }

  /** The host is gone without a word: the others' connections to it are reset. */
  detach(host: Host): void {
    for (const end of this.ends.get(host)?.values() ?? []) {
      end.isReading = false
      if (!end.isOver && end.other !== undefined) this.reset(end.other)
      end.isOver = true
    }
    this.ends.delete(host)
    this.listeners.delete(host)
    for (const address of host.addresses) this.hosts.delete(address)
  }

  listen(host: Host, endpoint: string): void {
    this.listeners.get(host)?.add(endpoint)
  }

  unlisten(host: Host): void {
    this.listeners.get(host)?.clear()
  }

  dial(host: Host, conn: ConnId, address: string, port: number, localAddress: string): void {
    const end: End = { host, conn, other: undefined, isReading: true, isOver: false, arrivesAt: 0 }
    this.ends.get(host)!.set(conn, end)
    this.agenda.put(this.agenda.now + this.latency() + this.latency(), () => {
      if (end.isOver) return
      const target = this.hosts.get(address)
      if (target !== undefined && this.held.has(linkName(host, target))) {
        this.agenda.put(this.agenda.now + this.options.dialTimeoutMs * 1000, () => this.failDial(end, "ETIMEDOUT"))
      } else if (target === undefined) this.failDial(end, "EHOSTUNREACH")
      else if (!this.isListening(target, address, port)) this.failDial(end, "ECONNREFUSED")
      else this.connect(end, target, endpointOf(address, port), localAddress)
    })
  }

  /** `onLeft` is called when the bytes have left the sender's memory: they arrived, or nobody wants them any more. */
  send(host: Host, conn: ConnId, bytes: Uint8Array, onLeft: () => void): void {
    const end = this.ends.get(host)?.get(conn)
    if (end?.other === undefined || end.isOver) {
      onLeft()
      return
    }
    const { other } = end
    let at = 0
    for (let piece = this.draw(this.options.piecesMax); piece > 0 && at < bytes.length; piece--) {
      const to = at + this.draw(bytes.length - at)
      if (to > at) this.deliver(other, bytes.slice(at, to))
      at = to
    }
    this.deliver(other, bytes.slice(at))
    this.arrive(other, onLeft)
  }

  /** Reports Drained when all that was sent before has arrived. */
  wantDrained(host: Host, conn: ConnId): void {
    const end = this.ends.get(host)?.get(conn)
    if (end?.other === undefined) return
    this.arrive(end.other, () => {
      if (!end.isOver) report(end, ConnectionChange.Drained, "")
    })
  }

  close(host: Host, conn: ConnId, abort: boolean): void {
    const end = this.ends.get(host)?.get(conn)
    if (end === undefined || end.isOver) return
    end.isReading = false
    if (end.other !== undefined && abort) this.reset(end.other)
    else if (end.other !== undefined) this.arriveEnd(end.other)
    this.agenda.put(this.agenda.now + this.latency(), () => this.over(end, ConnectionChange.Closed, ""))
  }

  /** Between these two nothing arrives until `mend`. */
  cut(one: Host, other: Host): void {
    const name = linkName(one, other)
    if (!this.held.has(name)) this.held.set(name, [])
  }

  mend(one: Host, other: Host): void {
    const waiting = this.held.get(linkName(one, other)) ?? []
    this.held.delete(linkName(one, other))
    for (const happen of waiting) happen()
  }

  /** What arrives later waits for what came before to be read: a receiver with little room and a slow hand. */
  readSlowly(host: Host, bytesPerSecond: number): void {
    this.bytesPerSecond.set(host, bytesPerSecond)
  }

  /** Connections between these two end with an error on both sides. */
  breakConnections(one: Host, other: Host): void {
    for (const end of this.ends.get(one)?.values() ?? []) {
      if (end.other?.host !== other) continue
      this.reset(end)
      this.reset(end.other)
    }
  }

  private connect(end: End, target: Host, remote: string, localAddress: string): void {
    const family = remote.startsWith("[") ? 6 : 4
    const source =
      localAddress === "" ? end.host.addresses.find((text) => text.includes(":") === (family === 6)) : localAddress
    const local = endpointOf(source ?? (family === 6 ? "::" : "0.0.0.0"), this.nextPort++)
    const accepted: End = {
      host: target,
      conn: this.nextAccepted++,
      other: end,
      isReading: true,
      isOver: false,
      arrivesAt: 0
    }
    end.other = accepted
    this.ends.get(target)!.set(accepted.conn, accepted)
    report(end, ConnectionChange.Dialled, "", remote, local)
    report(accepted, ConnectionChange.Accepted, "", local, remote)
  }

  private isListening(target: Host, address: string, port: number): boolean {
    const endpoints = this.listeners.get(target)
    const wildcard = address.includes(":") ? "::" : "0.0.0.0"
    return endpoints?.has(endpointOf(address, port)) === true || endpoints?.has(endpointOf(wildcard, port)) === true
  }

  private deliver(end: End, bytes: Uint8Array): void {
    const rate = this.bytesPerSecond.get(end.host)
    if (rate !== undefined) {
      const begin = Math.max(end.arrivesAt, this.agenda.now)
      end.arrivesAt = begin + Math.ceil((bytes.length * 1_000_000) / rate)
    }
    this.arrive(end, () => {
      if (end.isReading && !end.isOver) end.host.offer({ _tag: "Bytes", conn: end.conn, bytes })
    })
  }

  /** The other side closed: reported behind everything that it sent. */
  private arriveEnd(end: End): void {
    this.arrive(end, () => {
      if (end.isReading) this.over(end, ConnectionChange.Closed, "")
    })
  }

  /** What overtakes everything that is still on its way, but not a cut. */
  private reset(end: End): void {
    this.agenda.put(this.agenda.now + this.latency(), () =>
      this.crossing(end, () => this.over(end, ConnectionChange.Closed, "ECONNRESET"))
    )
  }

  private arrive(end: End, happen: () => void): void {
    end.arrivesAt = Math.max(end.arrivesAt, this.agenda.now + this.latency())
    this.agenda.put(end.arrivesAt, () => this.crossing(end, happen))
  }

  /** Lets it happen, or holds it where the link is cut. */
  private crossing(end: End, happen: () => void): void {
    const waiting = end.other === undefined ? undefined : this.held.get(linkName(end.host, end.other.host))
    if (waiting === undefined || end.isOver) happen()
    else waiting.push(happen)
  }

  private failDial(end: End, cause: string): void {
    this.over(end, ConnectionChange.DialFailed, cause)
  }

  private over(end: End, change: ConnectionChange, cause: string): void {
    if (end.isOver) return
    end.isOver = true
    end.isReading = false
    this.ends.get(end.host)?.delete(end.conn)
    report(end, change, cause)
  }

  private latency(): number {
    const [min, max] = this.options.latencyMicros
    return min + this.draw(max - min + 1)
  }
}

const report = (end: End, change: ConnectionChange, cause: string, remote = "", local = ""): void =>
  end.host.offer({ _tag: "Connection", conn: end.conn, change, remote, local, cause })

/** `address:port` as the runtime writes it. */
const endpointOf = (address: string, port: number): string =>
  address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`

const linkName = (one: Host, other: Host): string => [one.name, other.name].sort().join(" ")
