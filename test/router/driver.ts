// The router machine on a bench: one router, connections that a test writes bytes into, everything it sends as bytes, its timers as
// data, and time that stands still unless a test lets it pass. No world, no kernel: what is tested here is the step.
import { ACCEPTED, ConnectionChange, type ConnId, type EventRecord } from "../../src/eventlog/index.ts"
import { indexOf, type Micros, OpBuffer } from "../../src/machine/index.ts"
import {
  createRouter,
  EFFECT_DIGEST_START,
  foldOps,
  type PeerConfig,
  type RouterConfig,
  type RouterState,
  releaseEffects,
  router,
  routerEffects,
  spanFrom,
  spanTo
} from "../../src/router/index.ts"
import {
  AddPathMode,
  type Capability,
  encodeOpen,
  frame,
  keepalive,
  MessageType,
  parseAddress
} from "../../src/wire/index.ts"

export const LOCAL_AS = 65001
export const LOCAL_ID = "10.0.0.1"
const { code } = routerEffects

export const peerConfig = (address: string, asn: number, rest: Partial<PeerConfig> = {}): PeerConfig => ({
  address,
  port: 179,
  asn,
  type: asn === LOCAL_AS ? "internal" : "external",
  name: "",
  localAddress: "",
  passive: true,
  enabled: true,
  families: ["ipv4-unicast"],
  holdTime: 90,
  connectRetry: 5,
  idleHold: 1,
  addPath: { receive: false, send: 0 },
  extendedMessage: false,
  password: "",
  ttlSecurity: false,
  multihop: 0,
  policyOpen: true,
  maxPrefixes: 0,
  ...rest
})

export const configOf = (peers: ReadonlyArray<PeerConfig>, rest: Partial<RouterConfig> = {}): RouterConfig => ({
  router: { asn: LOCAL_AS, id: LOCAL_ID },
  listen: ["0.0.0.0:179"],
  peers,
  static: [],
  originate: [],
  ...rest
})

/** What the far side of a session says in its OPEN. */
export interface FarSide {
  readonly asn: number
  readonly id?: string
  readonly holdTime?: number
  readonly families?: ReadonlyArray<0 | 1>
  /** 4-octet AS numbers; default: true. */
  readonly as4?: boolean
  readonly addPathSend?: boolean
  readonly extendedMessage?: boolean
}

export const openOf = ({ asn, id, holdTime, families, as4, addPathSend, extendedMessage }: FarSide): Uint8Array => {
  const spoken = (families ?? [0]).map((family) => ({ afi: family + 1, safi: 1 }))
  const capabilities: Array<Capability> = spoken.map((family) => ({ _tag: "Multiprotocol", ...family }))
  capabilities.push({ _tag: "RouteRefresh" })
  if (as4 !== false) capabilities.push({ _tag: "FourOctetAs", asn })
  if (extendedMessage === true) capabilities.push({ _tag: "ExtendedMessage" })
  if (addPathSend === true) {
    capabilities.push({ _tag: "AddPath", families: spoken.map((family) => ({ ...family, mode: AddPathMode.Send })) })
  }
  const short = asn > 0xffff ? 23456 : asn
  return encodeOpen({
    version: 4,
    asn: short,
    holdTime: holdTime ?? 90,
    id: parseAddress(id ?? "10.0.0.99")!.words[0]!,
    capabilities
  })
}

export class Driver {
  readonly state: RouterState
  now: Micros = 1_000_000
  /** By connection: everything that was sent to it. */
  readonly sent: Map<ConnId, Array<Uint8Array>> = new Map()
  /** Connections that the router asked to close, or gave up. */
  readonly closed: Set<ConnId> = new Set()
  readonly timers: Map<number, { readonly timer: number; readonly at: Micros }> = new Map()
  readonly notices: Array<string> = []
  /** Connections that wait to hear that they are drained. */
  undrained: Array<ConnId> = []
  effectDigest: number = EFFECT_DIGEST_START
  quantumNodes = 0
  isStopped = false
  private readonly out = new OpBuffer(256)
  private seq = 0
  private nextAccepted = ACCEPTED

  constructor(config: RouterConfig, seed = 1) {
    this.state = createRouter(seed)
    this.command({ command: "configure", config, seed })
  }

  step(...records: ReadonlyArray<EventRecord>): void {
    const { out, state } = this
    out.clear()
    router.step(state, { seq: this.seq++, at: this.now, records }, out)
    this.effectDigest = foldOps(this.effectDigest, out, (lease) => state.pool.bytes(lease))
    for (let index = 0; index < out.length; index++) {
      this.perform(out.code(index), out.a(index), out.b(index), out.c(index))
    }
    releaseEffects(out, (lease) => state.pool.release(lease))
  }

  command(value: object): void {
    this.step({ _tag: "Command", json: JSON.stringify(value) })
  }

  /** A connection from this address. */
  accept(address: string, local = `${LOCAL_ID}:179`): ConnId {
    const conn = this.nextAccepted++
    const remote = address.includes(":") ? `[${address}]:40000` : `${address}:40000`
    this.step({ _tag: "Connection", conn, change: ConnectionChange.Accepted, remote, local, cause: "" })
    return conn
  }

  hear(conn: ConnId, ...messages: ReadonlyArray<Uint8Array>): void {
    for (const bytes of messages) this.step({ _tag: "Bytes", conn, bytes })
  }

  /** An Established session; what was sent for that is forgotten. */
  establish(address: string, far: FarSide, local?: string): ConnId {
    const conn = this.accept(address, local)
    this.hear(conn, openOf(far), keepalive())
    return conn
  }

  closeFrom(conn: ConnId, cause = ""): void {
    this.closed.delete(conn)
    this.step({ _tag: "Connection", conn, change: ConnectionChange.Closed, remote: "", local: "", cause })
  }

  /** Reports every Close as done. */
  finishCloses(): void {
    for (const conn of [...this.closed]) this.closeFrom(conn)
  }

  fire(timer: number): void {
    this.step({ _tag: "Timer", timer })
  }

  /** Lets time pass; timers fire when they are due. */
  pass(milliseconds: number): void {
    const until = this.now + milliseconds * 1000
    for (;;) {
      const due = [...this.timers.entries()].filter(([, { at }]) => at <= until).sort((a, b) => a[1].at - b[1].at)[0]
      if (due === undefined) break
      this.now = due[1].at
      this.timers.delete(due[0])
      this.fire(due[1].timer)
    }
    this.now = until
  }

  /** One granted quantum. False: none was asked for. */
  quantum(): boolean {
    const nodes = this.quantumNodes
    if (nodes === 0) return false
    this.quantumNodes = 0
    this.step({ _tag: "Quantum", nodes })
    return true
  }

  /** Grants quanta until none is asked for; returns how many. */
  settle(): number {
    let granted = 0
    while (this.quantum()) granted++
    return granted
  }

  /** Everything sent has left. */
  drain(): void {
    const waiting = this.undrained
    this.undrained = []
    for (const conn of waiting) {
      this.step({ _tag: "Connection", conn, change: ConnectionChange.Drained, remote: "", local: "", cause: "" })
    }
  }

  /** What was sent to a connection since it was last asked for, as whole messages. */
  messages(conn: ConnId): ReadonlyArray<Uint8Array> {
    const bytes = concat(this.sent.get(conn) ?? [])
    this.sent.delete(conn)
    const messages: Array<Uint8Array> = []
    for (let at = 0; at < bytes.length; ) {
      const length = frame(bytes, at, bytes.length, 65535)
      if (length <= 0 || at + length > bytes.length) throw new Error("the router sent what is no message")
      messages.push(bytes.subarray(at, at + length))
      at += length
    }
    return messages
  }

  updates(conn: ConnId): ReadonlyArray<Uint8Array> {
    return this.messages(conn).filter((message) => message[18] === MessageType.Update)
  }

  get digest(): number {
    return router.digest(this.state)
  }

  private perform(op: number, a: number, b: number, c: number): void {
    switch (op) {
      case code.Send: {
        const kept = this.sent.get(a) ?? []
        kept.push(this.state.pool.bytes(b).slice(spanFrom(c), spanTo(c)))
        this.sent.set(a, kept)
        return
      }
      case code.Close:
        this.closed.add(a)
        return
      case code.ArmTimer:
        this.timers.set(indexOf(a), { timer: a, at: this.now + b * 1000 })
        return
      case code.CancelTimer:
        if (this.timers.get(indexOf(a))?.timer === a) this.timers.delete(indexOf(a))
        return
      case code.WantQuantum:
        this.quantumNodes = a
        return
      case code.WantDrained:
        this.undrained.push(a)
        return
      case code.Notice:
        this.notices.push(this.state.notices[a]!.message)
        return
      case code.Stopped:
        this.isStopped = true
    }
  }
}

export const concat = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
