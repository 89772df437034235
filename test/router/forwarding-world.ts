// Forwarding beside the model kernel, and the little of a router that stands between them: effects are performed, what comes of them is
// delivered in an order that a seed decides, until nothing is under way.
import { BlockPool } from "../../src/buffers/index.ts"
import { KernelChannel } from "../../src/eventlog/index.ts"
import { isOwnId } from "../../src/ksync/index.ts"
import { draw, OpBuffer } from "../../src/machine/index.ts"
import {
  createModelKernel,
  type ModelKernel,
  type ModelKernelEvent,
  modelKernel,
  modelKernelEffects,
  NetlinkType,
  NetlinkWriter
} from "../../src/netlink/index.ts"
import { PrefixTable } from "../../src/rib/index.ts"
import type { KernelConfig } from "../../src/router/config.ts"
import { routerEffects } from "../../src/router/effects.ts"
import { createForwarding, type Forwarding, ForwardingTimer } from "../../src/router/forwarding.ts"
import { type Address, formatPrefixWords, formatWords, parseAddress, parsePrefix } from "../../src/wire/index.ts"
import { pathOf } from "../fib/graph-world.ts"
import {
  kernelConfig,
  nexthopChanged,
  nexthopDeleted,
  othersIn,
  othersRoutes,
  routeBeside,
  routeDeleted,
  routeMade
} from "./forwarding-foreign.ts"
import { Inspector } from "./forwarding-inspector.ts"
import { cutBefore, inLowestTerms } from "./forwarding-messages.ts"

export { inLowestTerms, kernelConfig }

const REQUEST_PORT = 100
const DUMP_PORT = 101
const FOREIGN_PORT = 200

interface Delivery {
  readonly channel: number
  readonly bytes: Uint8Array
}

const LOST: Delivery = { channel: KernelChannel.ReplyLost, bytes: new Uint8Array(0) }

export class World {
  readonly pool = new BlockPool(65536, "test", { verify: true })
  readonly tables = [new PrefixTable(0, 64), new PrefixTable(1, 64)] as const
  readonly kernel: ModelKernel
  forwarding: Forwarding
  readonly out = new OpBuffer()
  /** Batches that were sent and that the kernel has not begun with. */
  private requests: Array<Uint8Array> = []
  /** Replies and dump parts, in order. */
  private answers: Array<Delivery> = []
  private notifications: Array<Delivery> = []
  private seed: number
  readonly wantedTimers = new Set<number>()
  /** Messages sent to the kernel, counted by nlmsg_type. */
  readonly sent = new Map<number, number>()
  /** Dumps asked for: nlmsg_type / address family. */
  dumps: Array<string> = []
  loseReplies = 0
  /** The kernel is busy: what is sent waits. */
  isBusy = false
  readonly inspector = new Inspector()
  /** An answer that was given already; it may come again. */
  private oldAnswer: Delivery | undefined
  /** A prefix whose route request has a length that makes no sense: the kernel stops there, without a word. */
  malformed: string | undefined
  /** So many dumps break off. */
  failDumps = 0
  nodes = 8

  private readonly config: KernelConfig
  private readonly more: Partial<KernelConfig>

  constructor(
    seed = 1,
    kernel = createModelKernel(),
    onExit: KernelConfig["onExit"] = "remove",
    more: Partial<KernelConfig> = {}
  ) {
    this.seed = seed
    this.config = { ...kernelConfig, onExit, ...more }
    this.more = more
    this.kernel = kernel
    this.forwarding = this.create()
  }

  private create(): Forwarding {
    return createForwarding({ kernel: this.config, tables: this.tables, pool: this.pool, capacityHint: 64 })
  }

  start(): this {
    this.forwarding.start(this.out)
    return this.settle()
  }

  /** Something happens in the kernel. */
  world(event: ModelKernelEvent): this {
    this.perform(event)
    return this
  }

  link(index: number, name: string): this {
    return this.world({ _tag: "LinkAdded", index, name, up: true, carrier: true })
  }

  address(ifindex: number, text: string): this {
    const [address, length] = text.split("/")
    const { family, words } = parseAddress(address)!
    return this.world({ _tag: "AddressAdded", family, ifindex, words, length: Number(length) })
  }

  removeAddress(ifindex: number, text: string): this {
    const [address, length] = text.split("/")
    const { family, words } = parseAddress(address)!
    return this.world({ _tag: "AddressRemoved", family, ifindex, words, length: Number(length) })
  }

  announce(prefix: string, ...via: ReadonlyArray<string>): this {
    const { family, words, length } = parsePrefix(prefix)!
    const index = family === 4 ? 0 : 1
    const id = this.tables[index].intern(words, 0, length)
    this.tables[index].retain(id)
    const set = this.forwarding.internNextHops(via.map((text) => parseAddress(text) as Address))
    this.forwarding.setBgp(index, id, set)
    this.forwarding.releaseNextHops(set)
    this.tables[index].release(id)
    return this
  }

  /** As `announce`, with paths of any kind in the words of `pathOf`. */
  route(prefix: string, paths: ReadonlyArray<string>): this {
    const { family, words, length } = parsePrefix(prefix)!
    const index = family === 4 ? 0 : 1
    const { fib } = this.forwarding
    const set =
      paths[0] === "drop" || paths[0] === "unreachable"
        ? fib.internSpecial(paths[0])
        : fib.internPaths(
            paths.map((path) => pathOf(path)),
            index
          )
    this.forwarding.setBgp(index, this.tables[index].intern(words, 0, length), set)
    this.forwarding.releaseNextHops(set)
    return this
  }

  withdraw(prefix: string): this {
    const { family, words, length } = parsePrefix(prefix)!
    const index = family === 4 ? 0 : 1
    const id = this.tables[index].find(words, 0, length)
    if (id !== -1) this.forwarding.clearBgp(index, id)
    return this
  }

  /** Runs until nothing is under way; deliveries of the two sockets interleave by chance. */
  settle(): this {
    for (let turn = 0; ; turn++) {
      if (turn > 20_000) throw new Error("forwarding and kernel do not come to rest")
      this.turn()
      if (this.requests.length + this.answers.length + this.notifications.length > 0) continue
      if (this.forwarding.pending()) continue
      return this
    }
  }

  /** Some work of the kernel, one delivery, one flush, and whatever that asks of the kernel. */
  turn(): void {
    const [seed, bits] = draw(this.seed)
    this.seed = seed
    this.serve((bits >>> 1) & 3)
    const queue =
      this.answers.length > 0 && (this.notifications.length === 0 || (bits & 1) === 0)
        ? this.answers
        : this.notifications
    const delivery = queue.shift()
    if (delivery?.channel === KernelChannel.Reply || delivery?.channel === KernelChannel.ReplyLost) {
      if (queue === this.answers) this.inspector.answered()
      this.oldAnswer = delivery
    }
    if (delivery !== undefined) this.forwarding.kernelBytes(delivery.channel, delivery.bytes, this.out)
    this.forwarding.flush(this.nodes, this.out)
    // Those that come in the course of minutes: nobody waits for the hourly one.
    this.forwarding.drainTimers((kind, milliseconds) => milliseconds < 600_000 && this.wantedTimers.add(kind))
    this.performEffects()
  }

  /** Lets the timers that were asked for fire, over and over, until none but Grace is wanted or `times` are up. */
  pass(times = 4): this {
    for (let time = 0; time < times && this.wantedTimers.size > 0; time++) {
      const kinds = [...this.wantedTimers].filter((kind) => kind !== ForwardingTimer.Grace)
      for (const kind of kinds) {
        this.wantedTimers.delete(kind)
        this.forwarding.timer(kind, this.out)
      }
      this.settle()
    }
    return this
  }

  /** Whatever news there is by now never comes, and nobody says so. */
  deafen(): this {
    this.notifications = []
    return this
  }

  /** An answer to an earlier batch arrives once more. */
  answerAgain(): this {
    if (this.oldAnswer?.channel === KernelChannel.Reply) this.notifications.push(this.oldAnswer)
    return this
  }

  /** Another program asks the kernel for something. */
  foreign(bytes: Uint8Array): this {
    this.perform({ _tag: "Requested", port: FOREIGN_PORT, bytes }, true)
    return this
  }

  /** Another program deletes one of our nexthops or groups, and all that stands on it goes. */
  foreignNexthopDelete(choice: number): this {
    return this.foreign(nexthopDeleted(this.kernel, choice))
  }

  /** Another program gives one of our nexthops another way, or one of our groups other members. */
  foreignNexthopChange(choice: number): this {
    return this.foreign(nexthopChanged(this.kernel, choice))
  }

  /** Another program makes or changes a route under our key: in our name, or in its own (protocol 4). */
  foreignRoute(prefix: string, protocol: 186 | 4): this {
    return this.foreign(routeMade(prefix, protocol))
  }

  /** Another program puts a route beside what is there under our key: in our name, or in its own (protocol 4). */
  foreignRouteBeside(prefix: string, protocol: 186 | 4, behind: boolean): this {
    return this.foreign(routeBeside(prefix, protocol, behind))
  }

  /** Another program takes its own route away. */
  foreignRouteDelete(prefix: string): this {
    return this.foreign(routeDeleted(prefix, 4))
  }

  /** Another program deletes a route of ours. */
  foreignDelete(prefix: string): this {
    return this.foreign(routeDeleted(prefix, 186))
  }

  /** Routes and nexthops of another program, some of them under the very prefixes, protocol or metric that we use. */
  foreignRoutes(): this {
    return this.foreign(othersRoutes())
  }

  /** The daemon dies and starts again: the kernel stays as it is. With `turns`, just so many steps of its start are made. */
  restart(turns?: number): this {
    // A write that is under way is done to its end.
    const [seed, bits] = draw(this.seed)
    this.seed = seed
    this.serve(bits & 3)
    this.requests = []
    this.answers = []
    this.notifications = []
    this.wantedTimers.clear()
    const next = new World(this.seed, this.kernel, "remove", this.more)
    next.inspector.begin(this.kernel)
    if (turns === undefined) return next.start() as this
    next.forwarding.start(next.out)
    for (let turn = 0; turn < turns; turn++) next.turn()
    return next as this
  }

  /** Our routes as the kernel has them: prefix → `gateway*weight` through the groups. */
  routes(): Record<string, string> {
    const found: Record<string, string> = {}
    for (const family of [4, 6] as const) {
      for (const routes of this.kernel.tables[family].get(kernelConfig.table)?.values() ?? []) {
        for (const route of routes) {
          if (route.protocol !== 186 || route.metric !== kernelConfig.metric || route.nexthopId === 0) continue
          found[formatPrefixWords(family, route.words, 0, route.length)] = this.forwardingOf(route.nexthopId)
        }
      }
    }
    return found
  }

  /** Everything of protocol 186 and 4 that is not ours by our own rules. */
  others(): unknown {
    return othersIn(this.kernel)
  }

  /** Own nexthop objects in the kernel. */
  nexthopCount(): number {
    return [...this.kernel.nexthops.values()].filter((nexthop) => isOwnId(nexthop.id)).length
  }

  private forwardingOf(groupId: number): string {
    // The kernel shares by proportion: 2:2 is 1:1.
    const members = inLowestTerms(this.kernel.nexthops.get(groupId)?.members ?? [])
    return members
      .map(({ id, weight }) => {
        const leaf = this.kernel.nexthops.get(id)
        if (leaf === undefined) return "?"
        const name = this.kernel.links.get(leaf.ifindex)?.name ?? "?"
        if (leaf.gateway === undefined) return `@${name}*${weight}`
        return `${formatWords(leaf.family as 4 | 6, leaf.gateway, 0)}@${name}*${weight}`
      })
      .sort()
      .join(" ")
  }

  private performEffects(): void {
    const { out } = this
    for (const effect of routerEffects.decode(out)) {
      if (effect._tag === "KernelSend") {
        const bytes = this.pool.bytes(effect.block).slice(0, effect.length)
        this.pool.release(effect.block)
        this.count(bytes)
        this.inspector.batch(this.kernel, bytes)
        this.requests.push(bytes)
      } else if (effect._tag === "KernelDump") {
        const bytes = this.pool.bytes(effect.block).slice(0, effect.length)
        this.pool.release(effect.block)
        this.dumps.push(`${bytes[4]}/${bytes[16]}`)
        if (this.failDumps-- > 0) this.answers.push({ channel: KernelChannel.Dump, bytes: brokenOff(bytes) })
        else this.perform({ _tag: "Requested", port: DUMP_PORT, bytes })
      }
    }
    out.clear()
  }

  /** The kernel works on what was sent, in order: on at most so many batches, as long as nothing else is to be delivered on at least one. */
  serve(countMax: number): void {
    if (this.isBusy) return
    const isIdle = this.answers.length + this.notifications.length === 0
    for (let count = isIdle ? Math.max(1, countMax) : countMax; count > 0; count--) {
      const bytes = this.requests.shift()
      if (bytes === undefined) return
      if (this.loseReplies > 0) {
        this.loseReplies--
        this.perform({ _tag: "Requested", port: REQUEST_PORT, bytes }, true)
        this.answers.push(LOST)
        continue
      }
      const cut = cutBefore(bytes, this.malformed)
      this.perform({ _tag: "Requested", port: REQUEST_PORT, bytes: cut })
      if (cut.length === bytes.length) continue
      // What went out in the same write as the malformed request goes with it.
      for (const _ of this.requests) this.answers.push(LOST)
      this.requests = []
    }
  }

  private count(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    for (let at = 0; at < bytes.length; at += (view.getUint32(at, true) + 3) & ~3) {
      const type = view.getUint16(at + 4, true)
      this.sent.set(type, (this.sent.get(type) ?? 0) + 1)
    }
  }

  private perform(event: ModelKernelEvent, withoutReply = false): void {
    const effects = new OpBuffer()
    modelKernel.step(this.kernel, event, effects)
    let isAnswered = event._tag !== "Requested" || event.port !== REQUEST_PORT || withoutReply
    for (const effect of modelKernelEffects.decode(effects)) {
      isAnswered ||= effect._tag === "Replied"
      const slice = () => {
        const { from, to } = effect as { readonly from: number; readonly to: number }
        return this.kernel.output.bytes.slice(from, to)
      }
      if (effect._tag === "Replied" && !withoutReply)
        this.answers.push({ channel: KernelChannel.Reply, bytes: slice() })
      else if (effect._tag === "DumpReplied") this.answers.push({ channel: KernelChannel.Dump, bytes: slice() })
      // The socket leaves out what we caused.
      else if (effect._tag === "Notified" && effect.port !== REQUEST_PORT)
        this.notifications.push({ channel: KernelChannel.Notification, bytes: slice() })
      else if (effect._tag === "Overran")
        this.notifications.push({ channel: KernelChannel.Overrun, bytes: new Uint8Array(0) })
    }
    if (!isAnswered) this.answers.push(LOST)
  }
}

/** What the runtime says of a dump that it could not read to its end: NLMSG_DONE with ENOBUFS. */
const brokenOff = (request: Uint8Array): Uint8Array => {
  const w = new NetlinkWriter(new Uint8Array(20))
  const start = w.begin(NetlinkType.Done, 0, new DataView(request.buffer).getUint32(8, true), 0)
  w.u32(-105)
  w.end(start)
  return w.bytes
}
