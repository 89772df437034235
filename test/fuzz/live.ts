// An episode: a router of its own, a listener that is up all the time, and a talker that says what the fuzzer wants in a phase of its
// choice. After each move the router must have done what the oracle says; at the end nothing of the talker may be left.
import { ACCEPTED, type EventRecord } from "../../src/eventlog/index.ts"
import { router } from "../../src/router/index.ts"
import {
  decodeNlri,
  encodeUpdate,
  formatPrefix,
  keepalive,
  MessageType,
  scanUpdate,
  toHex,
  type UpdateContext,
  UpdateView,
  Verdict
} from "../../src/wire/index.ts"
import { type Expected, Oracle, type Phase } from "./live-oracle.ts"
import { configOf, contextOf, LOCAL_AS_ELSEWHERE, openOf, type Party, partyOf, type Setting } from "./live-settings.ts"
import { LawBroken, LiveWorld, type Step, type Wire } from "./live-world.ts"
import { PREFIX_POOL } from "./source.ts"
import { Tally } from "./tally.ts"

/** What the talker does next: bring the session to a phase, and send chunks. */
export interface Move {
  readonly phase: Phase
  readonly chunks: ReadonlyArray<Uint8Array>
  /** All chunks in one batch of the router, or each in one of its own. */
  readonly together: boolean
}

const LISTENER = ACCEPTED
const WAITING_MAX = 100

/** The law that an episode breaks; `undefined` where all hold. */
export const breaksLaw = (
  setting: Setting,
  moves: ReadonlyArray<Move>,
  step: Step = router.step,
  tally: Tally = new Tally()
): string | undefined => {
  try {
    const episode = new Episode(setting, step, tally)
    for (const move of moves) {
      if (episode.isOver) break
      episode.play(move)
    }
    episode.end()
    return undefined
  } catch (cause) {
    if (cause instanceof LawBroken) return cause.message
    return `throws ${cause instanceof Error ? (cause.stack ?? cause.message).split("\n").slice(0, 4).join(" ") : String(cause)}`
  }
}

const must = (holds: boolean, law: string): void => {
  if (!holds) throw new LawBroken(law)
}

/** What is held, of everything that must come back. */
interface Holdings {
  readonly paths: number
  readonly attributeSets: number
  readonly prefixes: number
  readonly connections: number
}

export class Episode {
  private readonly world: LiveWorld
  private readonly talker: Party
  private readonly listener: Party
  private readonly tally: Tally
  private readonly told: ReadonlyArray<Set<string>> = [new Set(), new Set()]
  private readonly view = new UpdateView()
  private readonly before: Holdings
  private readonly listening: Wire
  private wire: Wire | undefined
  private oracle: Oracle | undefined
  private nextConn = ACCEPTED + 1
  /** What comes next would be read under parameters that the oracle does not know. */
  isOver = false

  constructor(setting: Setting, step: Step, tally: Tally) {
    this.tally = tally
    this.talker = partyOf(setting.talker, 7)
    this.listener = partyOf(setting.listener, 8)
    this.world = new LiveWorld(configOf([this.talker, this.listener]), step)
    this.listening = this.world.connect(LISTENER, this.listener.remote, this.listener.local)
    this.say(this.listening, openOf(this.listener))
    this.say(this.listening, keepalive())
    must(this.sessionOf(LISTENER) !== undefined, "the listener's session does not come up")
    this.say(this.listening, routesOf(this.listener))
    this.read()
    this.before = this.holdings()
  }

  play(move: Move): void {
    const { world } = this
    this.reach(move.phase)
    const wire = this.wire!
    const oracle =
      this.oracle ??
      new Oracle(move.phase, { role: this.talker.role, context: contextOf(this.talker.role) }, this.tally)
    this.oracle = oracle
    const records = move.chunks.map((bytes): EventRecord => ({ _tag: "Bytes", conn: wire.conn, bytes }))
    if (move.together) world.feed(...records)
    else for (const record of records) world.feed(record)
    let expected: Expected = { _tag: "Stays" }
    for (const chunk of move.chunks) if (expected._tag === "Stays") expected = oracle.hear(chunk)
    this.compare(wire, expected)
    this.isOver = oracle.refusesOpen
    this.read()
    if (wire.closed) this.forget()
    else if (expected._tag === "Unsure" || move.phase !== "Established") this.leave()
    else if (!this.talker.role.graceful) {
      const { received } = world.state.rib.adjIn.peers
      for (const family of [0, 1] as const) {
        const held = received[family][this.number]
        must(held === oracle.known[family].size, `adj-in holds ${held} paths of ${oracle.known[family].size}`)
      }
    }
  }

  /** The talker goes; what it brought goes with it. */
  end(): void {
    this.leave()
    this.read()
    const { world } = this
    for (let waited = 0; this.talker.role.graceful && waited < WAITING_MAX && this.isRemembered(); waited++)
      world.passTime()
    this.read()
    const after = this.holdings()
    for (const what of ["paths", "attributeSets", "prefixes", "connections"] as const) {
      must(after[what] === this.before[what], `${after[what]} ${what} are left where ${this.before[what]} were before`)
    }
    for (const family of [0, 1]) must(this.told[family].size === 0, "the listener is not told that routes are gone")
    const { leased } = world.state.pool.stats()
    must(leased === 0, world.state.pool.describeLeaks())
    must(world.timersArmed <= 8 && world.state.timers.size <= 8, `${world.timersArmed} timers are armed for two peers`)
    must(this.sessionOf(LISTENER) !== undefined, "the listener's session is gone")
  }

  private reach(phase: Phase): void {
    if (this.wire !== undefined && phase === "Established" && this.sessionOf(this.wire.conn) !== undefined) return
    this.leave()
    const { world } = this
    for (let waited = 0; ; waited++) {
      must(waited < WAITING_MAX, "the talker is never let in again")
      const wire = world.connect(this.nextConn++, this.talker.remote, this.talker.local)
      // Turned away while the peer is idle: its timer lets us in.
      if (!wire.closed) {
        this.wire = wire
        break
      }
      world.passTime()
    }
    if (phase === "OpenSent") return
    this.say(this.wire, openOf(this.talker))
    if (phase === "Established") this.say(this.wire, keepalive())
    must(!this.wire.closed, `a good OPEN does not lead to ${phase}`)
    must((this.sessionOf(this.wire.conn) !== undefined) === (phase === "Established"), `the session is not in ${phase}`)
  }

  private leave(): void {
    if (this.wire !== undefined) this.world.hangUp(this.wire)
    this.forget()
  }

  private forget(): void {
    this.wire = undefined
    this.oracle = undefined
  }

  private compare(wire: Wire, expected: Expected): void {
    const notified = wire.lastType === MessageType.Notification
    if (wire.closed && expected._tag !== "Silent" && expected._tag !== "Unsure")
      must(notified, "a session ends without a NOTIFICATION")
    if (notified) must(wire.closed, "a NOTIFICATION is sent and the connection stays")
    switch (expected._tag) {
      case "Stays":
        must(!wire.closed, `the session ends and should not: ${hexOf(wire)}`)
        return
      case "Silent":
        must(wire.closed, "a NOTIFICATION does not end the session")
        must(!notified, "a NOTIFICATION is answered with another")
        return
      case "Answered": {
        must(wire.closed, `the session goes on, NOTIFICATION ${expected.code}/${expected.subcode} is due`)
        const [code, subcode] = [wire.messages.at(-1)![19], wire.messages.at(-1)![20]]
        const right = expected.code === 0 || (code === expected.code && subcode === expected.subcode)
        must(right, `NOTIFICATION ${code}/${subcode} is sent, ${expected.code}/${expected.subcode} is due`)
        return
      }
      case "Unsure":
        return
    }
  }

  /** Whatever came out is a message that its receiver keeps, and what the listener has been told is what the router says it has. */
  private read(): void {
    if (this.wire !== undefined && !this.wire.closed) {
      const session = this.sessionOf(this.wire.conn)
      if (session !== undefined)
        for (const message of this.wire.messages) this.judge(message, this.exportContext(session.negotiated))
    }
    if (this.wire !== undefined) this.wire.messages.length = 0
    const session = this.sessionOf(LISTENER)
    must(session !== undefined, "the listener's session ended")
    const context = this.exportContext(session!.negotiated)
    for (const message of this.listening.messages.splice(0))
      if (this.judge(message, context)) {
        this.judgeExport(message)
        this.take(message, context)
      }
    for (const { exportClass, member } of session!.memberships) {
      const { family } = exportClass.parameters
      const said = exportClass.toldCount(member)
      must(
        said === this.told[family].size,
        `the listener knows ${this.told[family].size} prefixes, the router told ${said}`
      )
    }
  }

  private exportContext(negotiated: {
    readonly as4: boolean
    readonly external: boolean
    readonly extendedMessage: boolean
  }): UpdateContext {
    return {
      as4: negotiated.as4,
      addPath: [false, false],
      external: negotiated.external,
      extended: negotiated.extendedMessage
    }
  }

  /** Whether it is an UPDATE; one that its receiver would not keep breaks the law. */
  private judge(message: Uint8Array, context: UpdateContext): boolean {
    must(message.length <= (context.extended ? 65535 : 4096), `a message of ${message.length} bytes is sent`)
    if (message[18] !== MessageType.Update) return false
    const verdict = scanUpdate(this.view, message, 0, message.length, context)
    must(
      verdict === Verdict.Keep,
      `an UPDATE is sent that its receiver finds fault with (${this.view.notes[0]?.attribute}: ${this.view.notes[0]?.reason}): ${toHex(message)}`
    )
    return true
  }

  /** What the listener's role and our AS number towards it ask of an UPDATE with routes (RFC 9234 §5, RFC 7705 §3). */
  private judgeExport(message: Uint8Array): void {
    const { view } = this
    const { ours, localAs, as4 } = this.listener.role
    if (view.nlriEnd === view.nlriAt && view.reachFamily < 0) return
    const marked = view.has(ONLY_TO_CUSTOMER)
    if (ours === "provider" || ours === "rs" || ours === "peer")
      must(marked, "a route goes down without ONLY_TO_CUSTOMER")
    if (ours === "customer" || ours === "rs-client") must(!marked, "a route with ONLY_TO_CUSTOMER goes up")
    if (!localAs) return
    const at = view.valueAt[AS_PATH] + 2
    const first = as4 ? word(message, at) : word(message, at - 2) & 0xffff
    must(first === LOCAL_AS_ELSEWHERE, `AS_PATH begins with ${first}: ${toHex(message)}`)
  }

  private take(message: Uint8Array, context: UpdateContext): void {
    const { view } = this
    const each = (family: number, from: number, to: number, use: (key: string) => void): void => {
      if (family < 0 || from === to) return
      for (const nlri of decodeNlri(message, from, to, family === 0 ? 4 : 6, context.addPath[family as 0 | 1]))
        use(formatPrefix(nlri))
    }
    each(0, view.withdrawnAt, view.withdrawnEnd, (key) => this.told[0].delete(key))
    each(view.unreachFamily, view.unreachNlriAt, view.unreachNlriEnd, (key) =>
      this.told[view.unreachFamily as 0 | 1].delete(key)
    )
    each(0, view.nlriAt, view.nlriEnd, (key) => this.told[0].add(key))
    each(view.reachFamily, view.reachNlriAt, view.reachNlriEnd, (key) => this.told[view.reachFamily as 0 | 1].add(key))
  }

  private say(wire: Wire, bytes: Uint8Array): void {
    this.world.feed({ _tag: "Bytes", conn: wire.conn, bytes })
  }

  private sessionOf(conn: number) {
    return this.world.state.connections.get(conn)?.session
  }

  private isRemembered(): boolean {
    const { received } = this.world.state.rib.adjIn.peers
    return received[0][this.number] + received[1][this.number] > 0
  }

  /** The router's number for the talker; one that is made when it connects has none before, and 0 is ourselves, with no routes here. */
  private get number(): number {
    return this.world.state.byAddress.get(this.talker.address) ?? 0
  }

  private holdings(): Holdings {
    const { rib, connections } = this.world.state
    return {
      paths: rib.adjIn.paths.count,
      attributeSets: rib.store.count,
      prefixes: rib.tables[0].prefixes.count + rib.tables[1].prefixes.count,
      connections: connections.size
    }
  }
}

const AS_PATH = 2
const ONLY_TO_CUSTOMER = 35

const word = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0

const hexOf = ({ messages }: Wire): string => toHex(messages.at(-1) ?? new Uint8Array(0))

/** A few of the pool's prefixes, so that the talker's compete with them. */
const routesOf = ({ asn, role: { as4, type } }: Party): Uint8Array => {
  const internal = type === "internal" || type === "route-reflector-client"
  return encodeUpdate(
    {
      attributes: {
        origin: 0,
        asPath: internal ? [] : [{ type: 2, members: [asn, 64999] }],
        nextHop: { family: 4, words: [0xc000_0208] },
        ...(internal ? { localPref: 100 } : {})
      },
      nlri: PREFIX_POOL[0].slice(0, 8)
    },
    { as4, addPath: [false, false] }
  )
}
