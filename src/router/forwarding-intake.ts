// What the kernel tells: complete dumps at start and after lost notifications, and notifications in between. Nothing is sent before
// the first dumps are complete, and nothing while they are repeated, so that what a dump does not show is really not there.
import type { BlockPool } from "../buffers/index.ts"
import type { Fib } from "../fib/index.ts"
import { isDiscard, isOwnId, type KernelSync, Meddling } from "../ksync/index.ts"
import { assert, type OpBuffer } from "../machine/index.ts"
import {
  conditionOf,
  type DumpKind,
  decodeDone,
  decodeError,
  decodeNexthop,
  Errno,
  eachMessage,
  NetlinkFlag,
  NetlinkType,
  NetlinkWriter,
  type Nexthop,
  putDump,
  RouteView
} from "../netlink/index.ts"
import type { KernelConfig } from "./config.ts"
import { routerEffects } from "./effects.ts"
import { type ForwardingBatch, OWN_PROTOCOL } from "./forwarding-batch.ts"
import {
  adjacencyOf,
  DISTURBED,
  DUMPS,
  type Dump,
  isBare,
  RereadPause,
  SeenRoutes,
  together,
  VERIFICATION
} from "./forwarding-dumps.ts"
import { ForwardingLinks } from "./forwarding-links.ts"
import { ForwardingNeighbours } from "./forwarding-neighbours.ts"
import type { ForwardingRules } from "./forwarding-rules.ts"

const DUMP_TRIES_MAX = 5

export class ForwardingIntake {
  /** Dumps are complete: what we know is what there is. */
  ready = false
  /** Leftovers among the nexthops are known. Numbers of our own are given out from then on: those of an earlier run are in use. */
  nexthopsKnown = false
  overruns = 0
  private readonly fib: Fib
  private readonly sync: KernelSync
  readonly neighbours: ForwardingNeighbours = new ForwardingNeighbours()
  private readonly links: ForwardingLinks
  private readonly rules: ForwardingRules
  private readonly batch: ForwardingBatch
  private readonly pool: BlockPool
  private readonly kernel: KernelConfig
  /** Port id of our request socket, learned from replies: notifications that name it are echoes of our own requests. */
  ownPort = 0
  /** What is being read, and how far. */
  private plan: ReadonlyArray<Dump> = DUMPS
  private position = DUMPS.length
  private tries = 0
  private interrupted = false
  private wanted: ReadonlyArray<Dump> | undefined
  /** Full dumps completed. */
  completed = 0
  /** A dump failed again and again: nothing is known until time has passed and all is read from the beginning. */
  stalled = false
  private readonly pause = new RereadPause()
  private readonly seenNexthops: Array<Nexthop> = []
  /** Of those there was news while the dump was read: what it says of them may be older. */
  private readonly newerNexthops = new Set<number>()
  private readonly seenRoutes = new SeenRoutes()
  private readonly view = new RouteView()

  constructor(
    fib: Fib,
    sync: KernelSync,
    rules: ForwardingRules,
    batch: ForwardingBatch,
    pool: BlockPool,
    kernel: KernelConfig
  ) {
    this.fib = fib
    this.sync = sync
    this.rules = rules
    this.batch = batch
    this.pool = pool
    this.kernel = kernel
    this.links = new ForwardingLinks(fib, sync)
  }

  /** Asks for everything, from the beginning. `advance` sends the first request once nothing else is under way. */
  request(): void {
    this.ready = false
    this.wanted = DUMPS
  }

  /** Notifications were lost, nobody knows which: whatever of ours may have changed is read again, and what stands below it. */
  overran(): void {
    this.overruns++
    const { routes } = this.sync
    const isAll = !this.sync.objects.compared || this.wanted === DUMPS || routes.every(({ count }) => count > 0)
    this.ready = false
    this.wanted = isAll
      ? DUMPS
      : DUMPS.filter(({ kind, family }) => kind !== "route" || routes[family === 4 ? 0 : 1].count > 0)
  }

  /** Asks for our nexthops only. */
  private verify(): void {
    this.ready = false
    this.wanted = together(this.wanted, VERIFICATION)
  }

  /** Begins what was requested, unless a dump is still being read. */
  advance(out: OpBuffer): void {
    if (this.wanted === undefined || this.stalled || this.position < this.plan.length) return
    this.plan = this.wanted
    this.wanted = undefined
    this.position = 0
    this.tries = 0
    this.links.begin()
    this.seenNexthops.length = 0
    this.newerNexthops.clear()
    this.rules.begin()
    this.neighbours.begin()
    this.seenRoutes.begin(this.fib.entries.map(({ prefixes }) => prefixes.bound))
    this.send(out)
  }

  dumped(bytes: Uint8Array, out: OpBuffer): void {
    if (this.position >= this.plan.length) return
    const { kind, family } = this.plan[this.position]
    let done = false
    let errno = 0
    eachMessage(bytes, (type, flags, _seq, _port, at, end) => {
      if ((flags & NetlinkFlag.DumpInterrupted) !== 0) this.interrupted = true
      if (type === NetlinkType.Done || type === NetlinkType.Error) {
        done = true
        errno = type === NetlinkType.Done ? decodeDone(bytes, at, end).errno : decodeError(bytes, at, end).errno
      } else this.take(kind, bytes, at, end)
    })
    if (!done) return
    // A table that is not there is an empty one, a kernel without rules has none. Anything else that a dump may end with is passing: it is asked for again.
    const isNone = (kind === "route" && errno === Errno.ENOENT) || (kind === "rule" && errno === Errno.EOPNOTSUPP)
    const failed = errno !== 0 && !isNone
    if ((this.interrupted || failed) && ++this.tries < DUMP_TRIES_MAX) {
      this.send(out)
      return
    }
    // What part of a dump does not show may be there. One that was only interrupted is whole but for what changed meanwhile.
    if (failed) {
      this.stalled = true
      this.position = this.plan.length
      this.request()
      return
    }
    this.complete(kind, family)
    this.tries = 0
    this.position++
    if (this.position < this.plan.length) {
      this.send(out)
      return
    }
    this.seenRoutes.end()
    if (this.plan === DUMPS) this.completed++
    this.sync.objects.compared = true
    if (this.wanted !== undefined) this.advance(out)
    else this.ready = true
  }

  /** Milliseconds after which everything is to be read again; undefined: no other than was said last. */
  rereadAfter(): number | undefined {
    return this.pause.after(this.stalled, this.ready)
  }

  /** That time has passed. */
  reread(): void {
    this.pause.passed()
    this.stalled = false
    this.request()
  }

  notified(bytes: Uint8Array): void {
    eachMessage(bytes, (type, flags, _seq, port, at, end) => {
      switch (type) {
        case NetlinkType.NewLink:
        case NetlinkType.DelLink:
          this.disturb()
          if (this.links.linkChanged(type === NetlinkType.NewLink, bytes, at, end)) this.verify()
          return
        case NetlinkType.NewAddress:
        case NetlinkType.DelAddress:
          this.disturb()
          return this.links.addressChanged(type === NetlinkType.NewAddress, bytes, at, end)
        case NetlinkType.NewNeighbour:
        case NetlinkType.DelNeighbour:
          return this.neighbours.notified(type === NetlinkType.NewNeighbour, bytes, at, end)
      }
      if (port !== 0 && port === this.ownPort) return
      if (type === NetlinkType.DelNexthop) {
        const { id } = decodeNexthop(bytes, at, end)
        if (this.position < this.plan.length) this.newerNexthops.add(id)
        if (isOwnId(id) && this.sync.objects.undone(id)) this.verify()
      } else if (type === NetlinkType.NewRule || type === NetlinkType.DelRule) {
        // Gateways are looked for by the rules: what was refused for want of a way may be had now.
        this.sync.objects.linkChanged()
        this.rules.notified(type, bytes, at, end)
      } else if (type === NetlinkType.NewNexthop) {
        const nexthop = decodeNexthop(bytes, at, end)
        if (this.position < this.plan.length) this.newerNexthops.add(nexthop.id)
        if (this.isOurs(nexthop)) this.nexthopSeen(nexthop, true)
      } else if (type === NetlinkType.NewRoute || type === NetlinkType.DelRoute) {
        this.routeChanged(type === NetlinkType.NewRoute, flags, port, bytes, at, end)
      }
    })
  }

  /** Two sockets, no order: what is still to be read of a dump under way may be from before the news. It is asked again. */
  private disturb(): void {
    if (this.position < this.plan.length) this.wanted = together(this.wanted, DISTURBED)
  }

  private take(kind: DumpKind, bytes: Uint8Array, at: number, end: number): void {
    if (kind === "link") {
      if (this.links.linkDumped(bytes, at, end)) this.verify()
    } else if (kind === "address") this.links.addressChanged(true, bytes, at, end)
    else if (kind === "rule") this.rules.dumped(bytes, at, end)
    else if (kind === "neighbour") this.neighbours.dumped(bytes, at, end)
    else if (kind === "nexthop") {
      const nexthop = decodeNexthop(bytes, at, end)
      if (this.isOurs(nexthop)) this.seenNexthops.push(nexthop)
    } else if (
      kind === "route" &&
      this.view.scan(bytes, at, end) &&
      this.isOwnKey() &&
      this.view.protocol === OWN_PROTOCOL
    ) {
      this.routeFound()
    }
  }

  private complete(kind: DumpKind, family: 0 | 4 | 6): void {
    if (kind === "link") {
      if (this.links.linksComplete()) this.verify()
    } else if (kind === "address") this.links.addressesComplete()
    else if (kind === "nexthop") this.nexthopsComplete()
    else if (kind === "rule") this.rules.complete()
    else if (kind === "neighbour") this.neighbours.complete()
    else if (kind === "route") this.routesComplete(family === 4 ? 0 : 1)
  }

  private nexthopsComplete(): void {
    const { objects } = this.sync
    const present = new Set(this.seenNexthops.map((nexthop) => nexthop.id))
    for (const object of [...objects.byId.values()]) {
      if (!present.has(object.id) && !this.newerNexthops.has(object.id)) objects.lost(object.id)
    }
    // A group that is there although it was believed lost has routes, or may have: they are to be known before it is removed.
    const isUnknown = ({ id, members }: Nexthop): boolean => members !== undefined && !objects.byId.has(id)
    if (isBare(this.plan) && this.seenNexthops.some(isUnknown)) this.request()
    const shown = this.seenNexthops.filter(({ id }) => !this.newerNexthops.has(id))
    for (const nexthop of shown) if (nexthop.members === undefined) this.nexthopSeen(nexthop, false)
    for (const nexthop of shown) if (nexthop.members !== undefined) this.nexthopSeen(nexthop, false)
    objects.allShown()
    this.nexthopsKnown = true
  }

  /** By its number, and either by what we know of that number or by who made it: what others change keeps its number. */
  private isOurs({ id, protocol }: Nexthop): boolean {
    return isOwnId(id) && (protocol === OWN_PROTOCOL || this.sync.objects.byId.has(id))
  }

  /** A nexthop or group of ours as the kernel has it; `undone`: because another program made it so. */
  private nexthopSeen(nexthop: Nexthop, undone: boolean): void {
    const { id, members, resilient } = nexthop
    const { objects } = this.sync
    const known = objects.byId.get(id)
    if (known !== undefined) known.condition = nexthop.condition ?? 0
    // Under another name the next run would take it for somebody else's.
    const isRenamed = nexthop.protocol !== OWN_PROTOCOL
    if (members !== undefined) {
      if (known?.kind === "group") objects.groupSeen(known, { members, shape: resilient, isRenamed }, undone)
      else if (known === undefined) this.sync.foundGroup(id, members, resilient)
      return
    }
    const adjacency = adjacencyOf(nexthop)
    if (known === undefined) {
      if (adjacency !== undefined) objects.foundLeaf(id, adjacency)
    } else if (known.kind === "nexthop" && (isRenamed || known.adjacency.key !== adjacency?.key)) {
      objects.leafAltered(known, undone)
    }
  }

  /** Whether the route in view has the key under which we write: table, metric, no type of service. */
  private isOwnKey(): boolean {
    const { view, kernel } = this
    return view.family !== 0 && view.table === kernel.table && view.metric === kernel.metric && view.typeOfService === 0
  }

  /** What the kernel's route points at: a group, what stands for one, or 0. */
  private get way(): number {
    const { type, nexthopId } = this.view
    return nexthopId === 0 && isDiscard(type) ? type : nexthopId
  }

  private routeFound(): void {
    const family = this.view.family === 4 ? 0 : 1
    const prefixes = this.fib.entries[family].prefixes
    const prefix = prefixes.intern(this.view.words, 0, this.view.length)
    this.fib.entries[family].fit()
    this.sync.routeCondition(family, prefix, conditionOf(this.view.flags))
    const shown = this.seenRoutes.show(family, prefix)
    if (shown === "first") this.sync.foundRoute(family, prefix, this.way)
    else if (shown === "again") this.sync.routeBeside(family, prefix, Meddling.Doubled)
  }

  /** Routes that we know of and that the dump did not show are gone. */
  private routesComplete(family: 0 | 1): void {
    const { told } = this.sync.routes[family]
    this.seenRoutes.eachMissing(family, (prefix) => {
      if (told[prefix] !== 0) this.sync.routeLost(family, prefix)
    })
  }

  private routeChanged(
    present: boolean,
    flags: number,
    port: number,
    bytes: Uint8Array,
    at: number,
    end: number
  ): void {
    const { view, sync } = this
    if (!view.scan(bytes, at, end) || !this.isOwnKey()) return
    const family = view.family === 4 ? 0 : 1
    const { prefixes } = this.fib.entries[family]
    const isOwn = view.protocol === OWN_PROTOCOL
    const replaces = (flags & NetlinkFlag.Replace) !== 0
    // The first one under its key is told as exclusive.
    const isBeside = present && !replaces && (flags & NetlinkFlag.Exclusive) === 0
    if (present && isOwn) {
      // Made or changed by another program, in our name: it goes, or becomes again what it was.
      const prefix = prefixes.intern(view.words, 0, view.length)
      this.fib.entries[family].fit()
      sync.routeCondition(family, prefix, conditionOf(view.flags))
      // No other program did it: the kernel tells what its hardware made of the route.
      if (port === 0) return
      this.seenRoutes.news(family, prefix)
      if (isBeside) sync.routeBeside(family, prefix, Meddling.Doubled)
      else sync.routeAltered(family, prefix, this.way)
      return
    }
    const prefix = prefixes.find(view.words, 0, view.length)
    if (prefix === -1) return
    this.seenRoutes.news(family, prefix)
    // Ours was deleted by somebody, or somebody else's took its place; one that was put behind ours leaves it there, and in use.
    if (isOwn) sync.routeLost(family, prefix, Meddling.Deleted)
    else if (isBeside && family === 0 && (flags & NetlinkFlag.Append) === 0) {
      sync.routeBeside(family, prefix, Meddling.Preceded)
    } else if (present && replaces) sync.routeLost(family, prefix, Meddling.Taken)
    else if (!present) sync.placeFreed(family, prefix)
  }

  private send(out: OpBuffer): void {
    const { kind, family } = this.plan[this.position]
    this.interrupted = false
    const block = this.pool.acquire("kernel dump request")
    const writer = new NetlinkWriter(this.pool.bytes(block))
    const seq = this.batch.takeSeq()
    const filter = kind === "route" ? { table: this.kernel.table, protocol: OWN_PROTOCOL } : {}
    putDump(writer, { seq, kind, family, ...filter })
    assert(writer.length > 0, "a dump request has bytes")
    out.put(routerEffects.code.KernelDump, block, writer.length, seq)
  }
}
