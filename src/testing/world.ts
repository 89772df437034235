// The virtual world: any number of routers, virtual links and time, a model kernel for each, faults; one seed decides all. The routers
// are the real machine; what is virtual is what the runtime would do: perform effects, report what comes of them, stamp and record
// batches. Everything recorded can be replayed, so each simulated run is a test of replay too.
import {
  type Batch,
  CheckpointCounter,
  type CheckpointPolicy,
  type EventRecord,
  KernelChannel
} from "../eventlog/index.ts"
import { assert, draw, fold, indexOf, type Micros, OpBuffer } from "../machine/index.ts"
import { askModelKernel, createModelKernel, type ModelKernel, type ModelKernelEvent } from "../netlink/index.ts"
import {
  type Command,
  createRouter,
  EFFECT_DIGEST_START,
  foldOps,
  type Notice,
  type Replayed,
  type RouterConfig,
  type RouterState,
  releaseEffects,
  replay,
  router,
  routerEffects,
  spanFrom,
  spanTo
} from "../router/index.ts"
import { Agenda } from "./world-agenda.ts"
import { type Host, Network, type NetworkOptions } from "./world-network.ts"

export interface WorldOptions {
  readonly seed: number
  /** Default: 2020-01-01. */
  readonly startedAt?: Micros
  readonly network?: Partial<NetworkOptions>
  readonly checkpoints?: CheckpointPolicy
}

export interface RouterOptions {
  /** Addresses that others reach it at; the first of a family is the source of what it dials. */
  readonly addresses: ReadonlyArray<string>
  readonly config: RouterConfig
  /** What the model kernel has besides a loopback interface. */
  readonly kernel?: ReadonlyArray<ModelKernelEvent>
}

/** A router of the world, from start to crash. A restart makes a new one with the same name and kernel. */
export class WorldRouter implements Host {
  readonly name: string
  readonly addresses: ReadonlyArray<string>
  readonly state: RouterState
  readonly seed: number
  readonly kernel: ModelKernel
  /** Everything that it was given, as a log would hold it. */
  readonly batches: Array<Batch> = []
  /** Everything that it had to say. */
  readonly notices: Array<Notice> = []
  readonly offer: (record: EventRecord) => void
  effectDigest: number = EFFECT_DIGEST_START
  isStopped = false
  /** When the kernel gets to what was sent to it last. */
  kernelAt: Micros = 0
  isGone = false
  /** What waits for the next step. */
  inbox: Array<EventRecord> = []
  /** By slot: the timer that is armed, and what tells it from one armed earlier. */
  readonly timers: Map<number, { readonly timer: number }> = new Map()
  readonly checkpoints: CheckpointCounter

  constructor(options: {
    readonly name: string
    readonly addresses: ReadonlyArray<string>
    readonly seed: number
    readonly kernel: ModelKernel
    readonly checkpoints: CheckpointPolicy
    readonly offer: (to: WorldRouter, record: EventRecord) => void
  }) {
    this.name = options.name
    this.addresses = options.addresses
    this.seed = options.seed
    this.kernel = options.kernel
    this.state = createRouter(options.seed)
    this.checkpoints = new CheckpointCounter(options.checkpoints)
    this.offer = (record) => options.offer(this, record)
  }
}

export class World {
  /** For hosts that join: they dial, send and close themselves. */
  readonly network: Network
  private readonly agenda: Agenda
  private readonly joined = new Map<string, Host>()
  private readonly checkpoints: CheckpointPolicy
  private readonly routers = new Map<string, WorldRouter>()
  private readonly options = new Map<string, RouterOptions>()
  private readonly out = new OpBuffer(256)
  private seed: number

  constructor(options: WorldOptions) {
    this.seed = options.seed
    this.agenda = new Agenda(options.startedAt ?? STARTED_AT)
    this.checkpoints = options.checkpoints ?? { everyBatches: 8, everyRecords: 256 }
    this.network = new Network(this.agenda, (bound) => this.draw(bound), { ...NETWORK, ...options.network })
  }

  get now(): Micros {
    return this.agenda.now
  }

  /** An integer from 0 to below the bound, from the world's seed. */
  draw(bound: number): number {
    const [seed, bits] = draw(this.seed)
    this.seed = seed
    return bound <= 1 ? 0 : bits % bound
  }

  /** Starts a router with its configuration. */
  add(name: string, options: RouterOptions): WorldRouter {
    assert(!this.routers.has(name), `there is a router ${name} already`)
    this.options.set(name, options)
    const kernel = createModelKernel()
    for (const event of options.kernel ?? []) askModelKernel(kernel, event)
    return this.start(name, kernel)
  }

  /** A host that is none of our routers, such as a speaker that a test plays. */
  join(host: Host): void {
    assert(!this.routers.has(host.name) && !this.joined.has(host.name), `there is a host ${host.name} already`)
    this.joined.set(host.name, host)
    this.network.attach(host)
  }

  /** Lets something happen later, unless the world ends before. */
  after(milliseconds: number, happen: () => void): void {
    this.agenda.put(this.agenda.now + milliseconds * 1000, happen)
  }

  router(name: string): WorldRouter {
    const found = this.routers.get(name)
    assert(found !== undefined, `there is no router ${name}`)
    return found
  }

  command(name: string, command: Command): void {
    this.router(name).offer({ _tag: "Command", json: JSON.stringify(command) })
  }

  /** Something happens to a router's kernel: a carrier goes, somebody deletes a route, a request will fail. */
  kernel(name: string, event: ModelKernelEvent): void {
    this.askKernel(this.router(name), event)
  }

  /** The process is gone; its kernel keeps what it has. */
  crash(name: string): void {
    const gone = this.router(name)
    gone.isGone = true
    gone.inbox = []
    gone.timers.clear()
    this.network.detach(gone)
  }

  /** After a crash or a shutdown: the same kernel, and the same configuration or another; nothing remembered. */
  restart(name: string, config?: RouterConfig): WorldRouter {
    const before = this.router(name)
    if (!before.isGone) this.crash(name)
    if (config !== undefined) this.options.set(name, { ...this.options.get(name)!, config })
    return this.start(name, before.kernel)
  }

  /** Nothing arrives between these two until `mend`; their connections live on. */
  cut(one: string, other: string): void {
    this.network.cut(this.host(one), this.host(other))
  }

  mend(one: string, other: string): void {
    this.network.mend(this.host(one), this.host(other))
  }

  /** The connections between these two are reset. */
  breakConnections(one: string, other: string): void {
    this.network.breakConnections(this.host(one), this.host(other))
  }

  /** From now on this host takes no more than so many bytes a second from each of its connections. */
  readSlowly(name: string, bytesPerSecond: number): void {
    this.network.readSlowly(this.host(name), bytesPerSecond)
  }

  /** Lets so much time pass. */
  advance(milliseconds: number): void {
    const until = this.agenda.now + milliseconds * 1000
    this.runUntil(() => false, milliseconds)
    this.agenda.now = until
  }

  /** Lets time pass until something holds, at most so long. Says whether it holds. */
  runUntil(holds: () => boolean, atMostMilliseconds: number): boolean {
    const until = this.agenda.now + atMostMilliseconds * 1000
    while (!holds()) {
      const nextAt = this.agenda.nextAt
      if (nextAt === undefined || nextAt > until) return false
      this.agenda.step()
    }
    return true
  }

  /** Equal for two worlds in which the same happened. */
  digest(): number {
    let digest = fold(0, this.routers.size)
    for (const one of this.routers.values()) {
      digest = fold(fold(fold(digest, one.batches.length), one.effectDigest), router.digest(one.state))
    }
    return digest
  }

  private host(name: string): Host {
    return this.joined.get(name) ?? this.router(name)
  }

  private start(name: string, kernel: ModelKernel): WorldRouter {
    const { addresses, config } = this.options.get(name)!
    const seed = this.draw(0x1_0000_0000)
    const started = new WorldRouter({
      name,
      addresses,
      seed,
      kernel,
      checkpoints: this.checkpoints,
      offer: (to, record) => this.offer(to, record)
    })
    this.routers.set(name, started)
    this.network.attach(started)
    this.command(name, { command: "configure", config, seed })
    return started
  }

  /** The inbox: what comes within a drawn moment of the first record goes into one batch with it. */
  private offer(to: WorldRouter, record: EventRecord): void {
    if (to.isGone) return
    to.inbox.push(record)
    if (to.inbox.length === 1) this.agenda.put(this.agenda.now + this.draw(STEP_DELAY_MICROS), () => this.step(to))
  }

  private step(one: WorldRouter): void {
    if (one.isGone) return
    const { state, out } = { state: one.state, out: this.out }
    const records = one.inbox
    one.inbox = []
    if (one.checkpoints.isDue) {
      const stateDigest = router.digest(state)
      records.unshift({ _tag: "Checkpoint", stateDigest, effectDigest: one.effectDigest })
    }
    const batch: Batch = { seq: one.batches.length, at: this.agenda.now, records }
    one.batches.push(batch)
    one.checkpoints.note(batch)
    out.clear()
    router.step(state, batch, out)
    one.effectDigest = foldOps(one.effectDigest, out, (lease) => state.pool.bytes(lease))
    for (let index = 0; index < out.length; index++)
      this.perform(one, out.code(index), out.a(index), out.b(index), out.c(index))
  }

  private perform(one: WorldRouter, op: number, a: number, b: number, c: number): void {
    const { network, agenda } = this
    const { pool, config } = one.state
    switch (op) {
      case code.Send: {
        // The lease is held until the bytes arrive, so that blocks are reused at other times than in a replay.
        const bytes = pool.bytes(b).slice(spanFrom(c), spanTo(c))
        network.send(one, a, bytes, () => pool.release(b))
        break
      }
      case code.Dial: {
        const { address, port, localAddress } = one.state.peerAt(b).config
        network.dial(one, a, address, port, localAddress)
        break
      }
      case code.Close:
        network.close(one, a, b === 1)
        break
      case code.ArmTimer: {
        const armed = { timer: a }
        one.timers.set(indexOf(a), armed)
        agenda.put(agenda.now + b * 1000, () => {
          if (one.timers.get(indexOf(a)) !== armed) return
          one.timers.delete(indexOf(a))
          one.offer({ _tag: "Timer", timer: a })
        })
        break
      }
      case code.CancelTimer:
        if (one.timers.get(indexOf(a))?.timer === a) one.timers.delete(indexOf(a))
        break
      case code.KernelSend:
      case code.KernelDump: {
        const bytes = pool.bytes(a).slice(0, b)
        // In the order in which it was sent, as from one socket.
        one.kernelAt = Math.max(one.kernelAt, agenda.now + this.draw(KERNEL_DELAY_MICROS))
        agenda.put(one.kernelAt, () => {
          pool.release(a)
          if (!one.isGone) this.askKernel(one, { _tag: "Requested", port: OWN_PORT, bytes }, op === code.KernelSend)
        })
        break
      }
      case code.WantQuantum:
        one.offer({ _tag: "Quantum", nodes: a })
        break
      case code.Listen:
        network.listen(one, config!.listen[a]!)
        break
      case code.Unlisten:
        network.unlisten(one)
        break
      case code.Notice:
        one.notices.push(one.state.notices[a]!)
        break
      case code.Stopped:
        one.isStopped = true
        break
      case code.WantDrained:
        network.wantDrained(one, a)
        break
    }
  }

  private askKernel(one: WorldRouter, event: ModelKernelEvent, wantsReply = false): void {
    const { replies, dumpParts, notifications, overran } = askModelKernel(one.kernel, event, OWN_PORT)
    const tell = (channel: KernelChannel, bytes: Uint8Array): void => one.offer({ _tag: "Kernel", channel, bytes })
    if (overran) tell(KernelChannel.Overrun, NOTHING)
    if (notifications.length > 0) tell(KernelChannel.Notification, notifications)
    for (const part of dumpParts) tell(KernelChannel.Dump, part)
    if (wantsReply) tell(replies.length === 0 ? KernelChannel.ReplyLost : KernelChannel.Reply, replies)
  }
}

/** Replays what a router of a world was given. Any divergence is a defect. */
export const replayWorldRouter = (one: WorldRouter): Replayed<RouterState> =>
  replay(router, createRouter(one.seed), one.batches, {
    digestOf: (digest, out, state) => foldOps(digest, out, (lease) => state.pool.bytes(lease)),
    settle: (out, state) => releaseEffects(out, (lease) => state.pool.release(lease))
  })

const { code } = routerEffects
const STARTED_AT: Micros = 1_577_836_800_000_000
const STEP_DELAY_MICROS = 300
const KERNEL_DELAY_MICROS = 2000
const OWN_PORT = 1
const NOTHING = new Uint8Array(0)
const NETWORK: NetworkOptions = { latencyMicros: [50, 20_000], piecesMax: 4, dialTimeoutMs: 20_000 }
