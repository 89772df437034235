// Hubs and followers of the machines alone, over wires of a model: bytes wait where the test leaves them, in the hub's memory or under way,
// until it moves them on or cuts the wire. Beside each hub a dumb oracle: what its store held at every breadcrumb.
import {
  type CacheInput,
  CLIENT_LIMITS,
  createFollow,
  createServe,
  FOLLOW_DEFAULTS,
  type FollowEvent,
  type FollowState,
  Framing,
  followEffects,
  followMachine,
  SERVE_DEFAULTS,
  SERVER_LIMITS,
  type ServeEvent,
  type ServeState,
  SyncStatus,
  serveEffects,
  serveMachine,
  writeSnappy
} from "../../src/fanout/index.ts"
import { MICROS_PER_MS, OpBuffer } from "../../src/machine/index.ts"
import { FanoutReader } from "../../src/runtime/fanout-reader.ts"
import { snappyBlocks } from "../support/snappy-blocks.ts"

type View = ReadonlyMap<string, string>

interface Wire {
  readonly hub: number
  readonly follower: number
  /** The hub's number, and the follower's. */
  readonly conn: number
  readonly own: number
  readonly toClient: Array<Uint8Array>
  readonly toServer: Array<Uint8Array>
  /** Of `toClient`, from the end: still in the hub's memory. */
  unwritten: number
  readonly atClient: FanoutReader
  readonly atServer: FanoutReader
}

interface Hub {
  state: ServeState
  readonly store: Map<string, string>
  /** By breadcrumb. */
  readonly history: Map<number, { readonly view: View; readonly status: SyncStatus }>
  nextConn: number
}

interface Follower {
  state: FollowState
  readonly view: Map<string, string>
  /** The breadcrumb that it was at when it was last in sync, on this connection. */
  reached: number
}

export class ModelNetwork {
  readonly hubs: ReadonlyArray<Hub>
  readonly followers: ReadonlyArray<Follower>
  wires: Array<Wire> = []
  now = 1_000_000_000
  /** What went against a rule, a sentence each. */
  readonly violations: Array<string> = []

  constructor(hubCount: number, followerCount: number, compression: boolean) {
    this.hubs = Array.from({ length: hubCount }, (_, index) => ({
      state: createServe({ ...SERVE_DEFAULTS, maxBatchSize: 3, maxMessageSize: 4, version: "", compression }, index),
      store: new Map<string, string>(),
      history: new Map([[0, { view: new Map<string, string>(), status: SyncStatus.WaitForDatastore }]]),
      nextConn: 0
    }))
    this.followers = Array.from({ length: followerCount }, (_, index) => ({
      state: createFollow(
        {
          ...FOLLOW_DEFAULTS,
          hostname: `node-${index}`,
          version: "",
          staleAfterMs: 0,
          // Where there are several, the first is local: followers return to it from the others.
          hubs: this.hubs.map((_, hub) => ({ isLocal: hubCount > 1 && hub === 0 }))
        },
        index
      ),
      view: new Map<string, string>(),
      reached: 0
    }))
    for (const index of this.followers.keys()) this.#follow(index, { _tag: "Started", at: this.now })
  }

  /** What the source says, to every hub. */
  offer(inputs: ReadonlyArray<CacheInput>): void {
    for (const [index, hub] of this.hubs.entries()) {
      // One at a time, so that the oracle knows what each breadcrumb holds: none has a part of an input.
      for (const input of inputs) {
        for (const part of apart(input)) {
          apply(hub.store, part)
          this.#serve(index, { _tag: "Offered", at: this.now, inputs: [part] })
          const { newest } = hub.state.cache
          hub.history.set(newest.sequence, { view: new Map(hub.store), status: newest.status })
        }
      }
    }
  }

  pass(milliseconds: number): void {
    this.now += milliseconds * MICROS_PER_MS
    for (const index of this.hubs.keys()) this.#serve(index, { _tag: "Tick", at: this.now })
    for (const index of this.followers.keys()) this.#follow(index, { _tag: "Tick", at: this.now })
  }

  /** What a hub has in its memory for a follower goes out. */
  write(wire: Wire | undefined): void {
    if (wire === undefined || wire.unwritten === 0) return
    wire.unwritten = 0
    this.#serve(wire.hub, { _tag: "Written", at: this.now, conn: wire.conn })
  }

  /** A follower gets the next piece that is out. */
  deliver(wire: Wire | undefined): void {
    if (wire === undefined || wire.toClient.length <= wire.unwritten) return
    const problem = wire.atClient.read(wire.toClient.shift()!, (message) => {
      if (this.wires.includes(wire))
        this.#follow(wire.follower, { _tag: "Received", at: this.now, conn: wire.own, message })
    })
    if (problem !== undefined) this.violations.push(`a follower cannot read: ${problem}`)
  }

  answer(wire: Wire | undefined): void {
    const bytes = wire?.toServer.shift()
    if (wire === undefined || bytes === undefined) return
    const problem = wire.atServer.read(bytes, (message) => {
      this.#serve(wire.hub, { _tag: "Received", at: this.now, conn: wire.conn, message })
    })
    if (problem !== undefined) this.violations.push(`a hub cannot read: ${problem}`)
  }

  cut(wire: Wire | undefined): void {
    if (wire === undefined || !this.wires.includes(wire)) return
    this.wires = this.wires.filter((each) => each !== wire)
    this.#serve(wire.hub, { _tag: "Closed", at: this.now, conn: wire.conn })
    this.#follow(wire.follower, { _tag: "Closed", at: this.now, conn: wire.own, reason: "cut" })
  }

  /** Everything that waits gets where it goes, and time passes; then, at a standstill, what the last moment began is brought to its end. */
  settle(): void {
    for (let round = 0; round < 400; round++) {
      this.#move()
      if (round % 4 === 0) this.pass(250)
    }
    // A follower may just have returned to its local hub.
    for (let round = 0; round < 400 && this.wires.some(isUnderWay); round++) this.#move()
    if (this.wires.some(isUnderWay)) this.violations.push("something is under way for ever")
  }

  #move(): void {
    for (const wire of [...this.wires]) {
      this.answer(wire)
      this.write(wire)
      this.deliver(wire)
    }
  }

  #serve(index: number, event: ServeEvent): void {
    const hub = this.hubs[index]
    const out = new OpBuffer()
    hub.state = serveMachine.step(hub.state, event, out)
    const sent = [...hub.state.outgoing]
    for (const effect of serveEffects.decode(out)) {
      const wire =
        "conn" in effect ? this.wires.find((each) => each.hub === index && each.conn === effect.conn) : undefined
      if (wire === undefined) continue
      if (effect._tag === "Send") {
        wire.toClient.push(framed(sent[effect.index], effect.framing))
        wire.unwritten++
      } else if (effect._tag === "Close") this.cut(wire)
    }
  }

  #follow(index: number, event: FollowEvent): void {
    const follower = this.followers[index]
    const out = new OpBuffer()
    follower.state = followMachine.step(follower.state, event, out)
    const { outgoing, changes } = follower.state
    const [sent, changed] = [[...outgoing], [...changes]]
    for (const effect of followEffects.decode(out)) {
      if (effect._tag === "Dial") this.#dial(index, effect.conn, effect.hub)
      else if (effect._tag === "Deliver") this.#take(follower, changed)
      else if (effect._tag === "InSync") this.#inSync(follower, effect.hub)
      else if ("conn" in effect) {
        const wire = this.wires.find((each) => each.follower === index && each.own === effect.conn)
        if (effect._tag === "Send") wire?.toServer.push(sent[effect.index])
        else if (effect._tag === "RestartDecoder") wire?.atClient.restart(effect.isCompressed === 1)
        else if (effect._tag === "Close" && wire !== undefined) this.#hangUp(wire)
      }
    }
  }

  /** The follower has left: only the hub is told. */
  #hangUp(wire: Wire): void {
    this.wires = this.wires.filter((each) => each !== wire)
    this.#serve(wire.hub, { _tag: "Closed", at: this.now, conn: wire.conn })
  }

  #dial(follower: number, own: number, hub: number): void {
    const conn = ++this.hubs[hub].nextConn
    this.wires.push({
      hub,
      follower,
      conn,
      own,
      toClient: [],
      toServer: [],
      unwritten: 0,
      atClient: new FanoutReader(CLIENT_LIMITS),
      atServer: new FanoutReader(SERVER_LIMITS)
    })
    this.followers[follower].reached = 0
    this.#serve(hub, { _tag: "Accepted", at: this.now, conn, address: `node-${follower}` })
    this.#follow(follower, { _tag: "Connected", at: this.now, conn: own })
  }

  #take({ state, view }: Follower, changes: FollowState["changes"]): void {
    if (state.wasEverInSync && !state.wasInSync) this.violations.push("something changes before a new hub is in sync")
    for (const { key, value } of changes) {
      if (value === null && !state.wasInSync) this.violations.push(`${key} is withdrawn before in sync`)
      if (value !== null && view.get(key) === textOf(value)) this.violations.push(`${key} is told twice`)
      if (value === null) view.delete(key)
      else view.set(key, textOf(value))
    }
  }

  /** What it has now is what the hub had at some breadcrumb that was in sync, and none before the last such one. */
  #inSync(follower: Follower, hub: number): void {
    for (const [sequence, { view, status }] of this.hubs[hub].history) {
      if (status !== SyncStatus.InSync || sequence < follower.reached || !sameView(view, follower.view)) continue
      follower.reached = sequence
      return
    }
    this.violations.push("a follower is in sync with what its hub never had in sync")
  }
}

const isUnderWay = ({ toClient, toServer }: Wire): boolean => toClient.length > 0 || toServer.length > 0

export const sameView = (one: View, other: View): boolean =>
  one.size === other.size && [...one].every(([key, value]) => other.get(key) === value)

/** Lists of at most a crumb's size. */
const apart = (input: CacheInput): ReadonlyArray<CacheInput> => {
  if (input._tag === "Status") return [input]
  const { updates } = input
  return Array.from({ length: Math.ceil(updates.length / 3) }, (_, index) => ({
    _tag: "Updates",
    updates: updates.slice(3 * index, 3 * index + 3)
  }))
}

const apply = (store: Map<string, string>, input: CacheInput): void => {
  if (input._tag === "Status") return
  for (const { key, value } of input.updates) {
    if (value === null) store.delete(key as string)
    else store.set(key as string, textOf(value))
  }
}

const framed = (bytes: Uint8Array, framing: number): Uint8Array =>
  framing === Framing.Plain ? bytes : writeSnappy(snappyBlocks, bytes, framing === Framing.FramedStart)

const textOf = (value: Uint8Array): string => Buffer.from(value).toString()
