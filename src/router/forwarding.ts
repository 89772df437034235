// The kernel side as the rest of the router sees it: what BGP and static routes want forwarded goes in, kernel requests and the
// reachability of next hops come out. It owns the forwarding graph and the kernel's mirror, encodes requests, matches replies, and
// keeps so many sends and at most one dump under way; the interpreter decides nothing.
// State holds no closures, so that a deep copy of a router is a router.
import type { BlockPool } from "../buffers/index.ts"
import { KernelChannel } from "../eventlog/index.ts"
import { Fib, type FibListener, type PathSpec } from "../fib/index.ts"
import { KernelSync, RARELY } from "../ksync/index.ts"
import { fold, type OpBuffer, type Seed } from "../machine/index.ts"
import { Errno } from "../netlink/index.ts"
import type { PrefixId, PrefixTable } from "../rib/index.ts"
import type { Address } from "../wire/index.ts"
import type { KernelConfig, StaticRoute } from "./config.ts"
import { routerEffects } from "./effects.ts"
import { ForwardingBatch } from "./forwarding-batch.ts"
import { ForwardingIntake } from "./forwarding-intake.ts"
import { ForwardingNotices, type NoticeLevel } from "./forwarding-notices.ts"
import { Retries } from "./forwarding-retries.ts"
import { Revisions } from "./forwarding-revision.ts"
import { ForwardingRules } from "./forwarding-rules.ts"
import { conflicts, contestedText, showFib, showGraph, showKernel, showWalks } from "./forwarding-show.ts"
import { StaticRoutes } from "./forwarding-static.ts"
import { ForwardingTimer } from "./forwarding-timer.ts"
import { ForwardingWalks } from "./forwarding-walks.ts"

export interface ForwardingOptions {
  /** Absent: no kernel is told anything, and every next hop counts as reachable at no cost. */
  readonly kernel: KernelConfig | undefined
  readonly tables: readonly [PrefixTable, PrefixTable]
  readonly pool: BlockPool
  /** Prefixes to make room for. */
  readonly capacityHint: number
  /** Where chance begins: the pauses between tries. */
  readonly seed?: Seed
}

const GRACE_MS = 120_000

export const createForwarding = (options: ForwardingOptions): Forwarding => new Forwarding(options)

/** How often one message is sent that gets no answer. */
const SILENCES_MAX = 3
const NO_ANSWER = "the kernel does not answer"

/** The part that exists only where there is a kernel. */
interface KernelSide {
  readonly config: KernelConfig
  readonly sync: KernelSync
  readonly batch: ForwardingBatch
  readonly rules: ForwardingRules
  readonly intake: ForwardingIntake
}

export class Forwarding implements FibListener {
  readonly fib: Fib
  readonly kernelSide: KernelSide | undefined
  private readonly statics: StaticRoutes
  private readonly slotErrors = new Map<number, { readonly errno: number; readonly text: string }>()
  private readonly timers: Array<{ readonly kind: number; readonly milliseconds: number }> = []
  private readonly notices = new ForwardingNotices()
  private readonly retries: Retries
  private graceArmed = false
  /** All sources have said what they know at start. */
  private synchronised = false
  private swept = false
  private stopping = false
  /** Conflicts are being verified by a full dump, since so many dumps, and losses of routes, answers and news. */
  private verifying = false
  private verifiedAt = 0
  private lostWhenVerified = 0
  private readonly walks: ForwardingWalks
  readonly revisions: Revisions = new Revisions()

  constructor(options: ForwardingOptions) {
    const { kernel, tables, pool, capacityHint } = options
    this.retries = new Retries(options.seed ?? 0)
    const walks = kernel?.walkAtOnce === undefined ? {} : { walkSynchronousMax: kernel.walkAtOnce }
    const standby = kernel?.standby === true
    this.fib = new Fib({ tables, capacity: capacityHint, resolves: kernel !== undefined, standby, ...walks }, this)
    this.walks = new ForwardingWalks(this.fib)
    this.statics = new StaticRoutes(this.fib)
    if (kernel === undefined) return
    const sync = new KernelSync(this.fib, capacityHint)
    const batch = new ForwardingBatch(pool, kernel, tables, this.fib.interfaces)
    const rules = new ForwardingRules(sync.objects.fights)
    const intake = new ForwardingIntake(this.fib, sync, rules, batch, pool, kernel)
    this.kernelSide = { config: kernel, sync, batch, rules, intake }
    this.setKernel(kernel)
  }

  /** What of the kernel's configuration may change at any time. */
  setKernel({ rules = [], groups }: KernelConfig): void {
    this.revisions.note()
    this.kernelSide?.rules.configure(rules)
    this.kernelSide?.sync.objects.reshape(groups)
  }

  /** Subscribing is the runtime's; this asks for links, addresses, nexthops and our routes, one dump after the other. */
  start(out: OpBuffer): void {
    this.kernelSide?.intake.request()
    this.kernelSide?.intake.advance(out)
  }

  /** Bytes from one of the kernel's sockets, see KernelChannel. */
  kernelBytes(channel: number, bytes: Uint8Array, out: OpBuffer): void {
    const side = this.kernelSide
    if (side === undefined) return
    switch (channel) {
      case KernelChannel.Reply:
        this.replied(side, bytes)
        return
      case KernelChannel.ReplyLost:
        this.replyLost(side)
        return
      case KernelChannel.Notification:
        side.intake.notified(bytes)
        return
      case KernelChannel.Overrun:
        side.intake.overran()
        return
      case KernelChannel.Dump:
        side.intake.dumped(bytes, out)
        return
    }
  }

  /** A timer that `drainTimers` asked for fired. */
  timer(kind: number, _out: OpBuffer): void {
    const side = this.kernelSide
    if (side === undefined) return
    if (kind >= ForwardingTimer.BackOff) {
      const level = kind - ForwardingTimer.BackOff
      if (level === RARELY) side.sync.objects.fights.decay()
      this.retries.fired([side.sync, side.rules.sync], level)
      return
    }
    if (kind === ForwardingTimer.Grace) this.initialSyncDone()
    if (kind === ForwardingTimer.Reread) side.intake.reread()
  }

  /** Timers wanted since the last call: `arm(kind, milliseconds)`; arming again replaces. */
  drainTimers(arm: (kind: number, milliseconds: number) => void): void {
    for (const { kind, milliseconds } of this.timers) arm(kind, milliseconds)
    this.timers.length = 0
  }

  /** What an operator should know, since the last call. */
  drainNotices(tell: (level: NoticeLevel, message: string) => void): void {
    this.notices.drain(tell)
  }

  /** Replaces all static routes; what stays the same is left alone. */
  setStatic(routes: ReadonlyArray<StaticRoute>): void {
    this.statics.replace(routes)
  }

  /** The set of next hops under a small number that stays until it is released as often as it was interned. */
  internNextHops(addresses: ReadonlyArray<Address>, weights: ReadonlyArray<number> = []): number {
    return this.fib.internNextHops(addresses, weights)
  }

  /** As `internNextHops`, of paths of any kind. */
  internPaths(paths: ReadonlyArray<PathSpec>): number {
    return this.fib.internPaths(paths)
  }

  releaseNextHops(nextHopSet: number): void {
    this.fib.releasePaths(nextHopSet)
  }

  /** BGP's best path for the prefix goes through this set. The prefix is held here as long as it is needed. */
  setBgp(family: 0 | 1, prefix: PrefixId, nextHopSet: number): void {
    this.fib.setBgp(family, prefix, nextHopSet)
  }

  clearBgp(family: 0 | 1, prefix: PrefixId): void {
    this.fib.clearBgp(family, prefix)
  }

  /** For the decision process. */
  reachability(nextHopSet: number): { readonly reachable: boolean; readonly metric: number } {
    return this.fib.reachability(nextHopSet)
  }

  /** Sets whose reachability or metric changed since the last call, each once. */
  drainChanges(visit: (nextHopSet: number) => void): void {
    this.fib.drainReported(visit)
  }

  /** Whoever watches a neighbour (a session over one hop, RFC 5881) says whether it is there. Its link stays as it is. */
  neighbourState(address: Address, ifindex: number, isUp: boolean): void {
    this.fib.neighbourState(address, ifindex, isUp)
  }

  /** As `neighbourState`, of an address that is several hops away (RFC 5883). */
  sessionState(address: Address, isUp: boolean): void {
    this.fib.sessionState(address, isUp)
  }

  /** The first exit of a set with one in reserve failed, or is back. */
  exitState(nextHopSet: number, isUp: boolean): void {
    this.fib.exitState(nextHopSet, isUp)
  }

  /** All sources have said what they know at start: leftovers of an earlier run that nobody confirmed are removed. */
  initialSyncDone(): void {
    this.synchronised = true
  }

  /** After a batch: settles the graph, walks as many nodes as were granted, and sends what there is to send. */
  flush(granted: number, out: OpBuffer): void {
    this.statics.linksChanged()
    this.fib.settle()
    const side = this.kernelSide
    if (side === undefined || this.frozen) return
    const { sync, rules, intake, batch } = side
    if (this.fib.changed.size > 0) this.revisions.note()
    if (intake.nexthopsKnown) for (const list of this.fib.takeChanged()) sync.update(list)
    // What the last batch brought may be what a leftover is for.
    if (this.synchronised && !this.swept && intake.ready && !this.fib.pending) {
      this.swept = true
      sync.sweep()
    }
    const nodes = side.config.walkQuantum ?? granted
    this.walks.run(sync, nodes)
    this.verifyConflicts(side)
    if (rules.sync.isUnsure) intake.request()
    rules.sync.isUnsure = false
    if (batch.isIdle && !intake.ready) intake.advance(out)
    if (intake.ready && !this.synchronised && !this.graceArmed) {
      this.graceArmed = true
      this.timers.push({ kind: ForwardingTimer.Grace, milliseconds: GRACE_MS })
    }
    if (intake.ready) while (this.waits(side) && batch.mayBegin && this.send(side, out));
    this.tellFights(sync)
    const milliseconds = intake.rereadAfter()
    if (milliseconds !== undefined) this.timers.push({ kind: ForwardingTimer.Reread, milliseconds })
    this.revisions.stepped(intake.ready && batch.isIdle && !this.pending())
    this.retries.arm([sync, rules.sync], (kind, milliseconds) => this.timers.push({ kind, milliseconds }))
  }

  /** Work waits that a quantum would move on (not: that a reply would). */
  pending(): boolean {
    const side = this.kernelSide
    if (side === undefined || this.frozen) return this.fib.pending
    if (this.fib.pending || (side.intake.nexthopsKnown && this.fib.changed.size > 0)) return true
    if (this.fib.entries.some((entries) => entries.walks.pending) || side.sync.objects.moved.size > 0) return true
    return side.batch.mayBegin && side.intake.ready && this.waits(side)
  }

  /** From now on the kernel stays as it is, or is emptied of what is ours, as `onExit` says. */
  shutdown(_out: OpBuffer): void {
    this.stopping = true
    if (this.kernelSide?.config.onExit !== "remove") return
    this.kernelSide.rules.configure([])
    this.kernelSide.sync.removeAll()
  }

  /** Nothing is under way in the kernel, and after `shutdown` nothing is left to remove. */
  done(): boolean {
    const side = this.kernelSide
    if (side === undefined) return true
    if (!side.batch.isIdle) return false
    // Where the first dump was never answered there is no kernel to clean up.
    return !this.stopping || this.frozen || (side.sync.empty && side.rules.sync.empty) || side.intake.completed === 0
  }

  /** Shutting down with routes to be kept: the sessions that end now must not take theirs out of the kernel. */
  private get frozen(): boolean {
    return this.stopping && this.kernelSide?.config.onExit === "keep"
  }

  digest(): number {
    const digest = this.fib.digest()
    if (this.kernelSide === undefined) return digest
    const { sync, rules } = this.kernelSide
    const told = fold(fold(digest, sync.digest), sync.routes[0].count + sync.routes[1].count)
    return rules.sync.empty ? told : fold(told, rules.sync.digest)
  }

  showFib(params: Params = {}): Iterable<unknown> {
    return showFib(this, params)
  }

  showGraph(params: Params = {}): unknown {
    return showGraph(this, params)
  }

  showKernel(params: Params = {}): Iterable<unknown> {
    return showKernel(this, params)
  }

  showWalks(): unknown {
    return showWalks(this)
  }

  /** The graph's news: an entry has another path-list, or none. Hot. */
  entryChanged(family: 0 | 1, prefix: PrefixId): void {
    this.revisions.note()
    this.kernelSide?.sync.markRoute(family, prefix)
  }

  /**
   * A route's place is taken although we believe to have none there. Unless we have compared with the kernel since we last lost
   * something (a route, an answer, news), it may be ours: then everything is read again, and what was refused is tried again.
   */
  private verifyConflicts(side: KernelSide): void {
    const { sync, intake } = side
    if (this.verifying && intake.completed > this.verifiedAt) {
      this.verifying = false
      this.verifiedAt = intake.completed
      sync.retryAll()
    }
    if (!sync.hasConflict || this.verifying || !intake.ready) return
    sync.hasConflict = false
    const { lost, unanswered } = sync.counters()
    const losses = lost + unanswered + intake.overruns
    if (losses === this.lostWhenVerified) this.notices.conflicts(conflicts(this))
    else {
      this.lostWhenVerified = losses
      this.verifying = true
      this.verifiedAt = intake.completed
      intake.request()
    }
  }

  private waits({ sync, rules }: KernelSide): boolean {
    return sync.waiting || rules.sync.waiting
  }

  /** False: nothing was to be sent. */
  private send({ sync, rules, batch }: KernelSide, out: OpBuffer): boolean {
    batch.begin()
    if (!(rules.isNext(sync.waiting) ? rules.sync.pump(batch) : sync.pump(batch))) {
      batch.abandon()
      return false
    }
    out.put(routerEffects.code.KernelSend, batch.block, batch.finish(), batch.lastSeq)
    return true
  }

  /**
   * Replies come in order, those to one batch at once; a message without a reply of its own succeeded, if the last one was answered. An
   * answer to a later batch says that the ones before it will get none; one to none that is under way has come twice.
   */
  private replied(side: KernelSide, bytes: Uint8Array): void {
    const { batch, intake, rules, sync } = side
    const age = batch.answeredBy(bytes)
    if (age === -1) return
    for (let older = 0; older < age; older++) this.replyLost(side)
    const { firstSeq, lastSeq } = batch.oldest!
    const errors = this.slotErrors
    errors.clear()
    const isComplete = batch.read(bytes, (slot, errno, text) => {
      errors.set(slot, { errno, text })
      this.notices.refused(errno, text)
    })
    intake.ownPort = batch.ownPort
    if (!isComplete) {
      this.replyLost(side)
      return
    }
    batch.ended()
    batch.widen()
    if (rules.sync.answered(firstSeq, lastSeq, (seq) => errors.get(seq - firstSeq))) return
    sync.answered((slot) => errors.get(slot))
  }

  /**
   * Nothing is known of the oldest batch. What made the kernel stop in the middle of it (it gives up at a length that makes no sense, without
   * a word) is found by halves: each silence halves the batches that follow, and one message that gets no answer on its own is given up.
   */
  private replyLost({ sync, rules, batch }: KernelSide): void {
    const { oldest } = batch
    if (oldest === undefined) return
    const { firstSeq, lastSeq } = oldest
    batch.ended()
    batch.narrow(oldest)
    if (rules.sync.unanswered(firstSeq, lastSeq, SILENCES_MAX)) return
    if (sync.silence() < SILENCES_MAX) {
      sync.replyLost()
      return
    }
    this.notices.refused(Errno.EIO, NO_ANSWER)
    sync.answered(() => ({ errno: Errno.EIO, text: NO_ANSWER }))
  }

  private tellFights(sync: KernelSync): void {
    for (const what of sync.objects.fights.takeBegun()) this.notices.contested(contestedText(this, what))
  }
}

export { ForwardingTimer }
export type Params = Readonly<Record<string, string | undefined>>
