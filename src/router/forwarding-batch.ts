// Batches of kernel requests: the one under construction, rtnetlink messages in a block of the router's pool with an acknowledgement asked
// of the last one only, and the numbers of those under way. Numbers of messages run on from batch to batch, so that a reply names its message.
import type { BlockPool, Lease } from "../buffers/index.ts"
import type { Interfaces } from "../fib/index.ts"
import {
  DISCARD_LAST,
  type GroupObject,
  type LeafObject,
  type Member,
  PutMode,
  type Requests,
  type RuleContent,
  type RuleRequests
} from "../ksync/index.ts"
import { KERNEL_BATCH_MESSAGES_MAX, KERNEL_BATCHES_UNDER_WAY_MAX, PATHS_PER_LIST_MAX } from "../machine/index.ts"
import {
  decodeError,
  eachMessage,
  NEXTHOP_GROUP_REQUEST_BYTES,
  NetlinkFlag,
  NetlinkType,
  NetlinkWriter,
  putNexthop,
  putNexthopDelete,
  putNexthopGroup,
  putRule,
  putRuleDelete,
  RESILIENT_BYTES,
  RouteProtocol,
  RouteType,
  requestAck,
  writeRoute,
  writeRouteDelete
} from "../netlink/index.ts"
import type { PrefixId, PrefixTable } from "../rib/index.ts"
import type { KernelConfig } from "./config.ts"

/** Our objects are told apart by this protocol, routes and nexthops alike: `proto bgp`. */
export const OWN_PROTOCOL = RouteProtocol.Bgp

const MESSAGE_BYTES_MAX = NEXTHOP_GROUP_REQUEST_BYTES(PATHS_PER_LIST_MAX) + RESILIENT_BYTES
/** Sequence numbers start over long before they would be negative anywhere. */
const SEQ_WRAP = 0x4000_0000

/** Numbers of the first message of a batch, whose slot is 0, and of the last one. */
export interface Sent {
  readonly firstSeq: number
  readonly lastSeq: number
}

export class ForwardingBatch implements Requests, RuleRequests {
  private readonly writer = new NetlinkWriter(new Uint8Array(0))
  private readonly pool: BlockPool
  private readonly kernel: KernelConfig
  private readonly tables: readonly [PrefixTable, PrefixTable]
  private readonly interfaces: Interfaces
  private nextSeq = 1
  private limit = KERNEL_BATCH_MESSAGES_MAX
  private lastAt = 0
  private firstSeq = 0
  private count = 0
  private readonly underWay: Array<Sent> = []
  block: Lease = 0
  /** Port id of our request socket, as replies name it. */
  ownPort = 0

  constructor(
    pool: BlockPool,
    kernel: KernelConfig,
    tables: readonly [PrefixTable, PrefixTable],
    interfaces: Interfaces
  ) {
    this.interfaces = interfaces
    this.pool = pool
    this.kernel = kernel
    this.tables = tables
  }

  begin(): void {
    if (this.nextSeq > SEQ_WRAP) this.nextSeq = 1
    this.block = this.pool.acquire("kernel requests")
    this.writer.reset(this.pool.bytes(this.block))
    this.firstSeq = this.nextSeq
    this.count = 0
  }

  /** Asks for the acknowledgement; the block then belongs to whoever sends it. Returns how many bytes. The batch is under way. */
  finish(): number {
    requestAck(this.writer.bytes, this.lastAt)
    this.underWay.push({ firstSeq: this.firstSeq, lastSeq: this.lastSeq })
    return this.writer.length
  }

  /** Nothing was put: the block goes back. */
  abandon(): void {
    this.pool.release(this.block)
  }

  /** Of the message that was put last. */
  get lastSeq(): number {
    return this.firstSeq + this.count - 1
  }

  /** Nothing is under way. */
  get isIdle(): boolean {
    return this.underWay.length === 0
  }

  /** Whether one more batch may be under way. While it is looked for what the kernel does not answer, each waits for the one before it. */
  get mayBegin(): boolean {
    return this.underWay.length < (this.limit < KERNEL_BATCH_MESSAGES_MAX ? 1 : KERNEL_BATCHES_UNDER_WAY_MAX)
  }

  /** The oldest batch that is under way. */
  get oldest(): Sent | undefined {
    return this.underWay[0]
  }

  /** Which of the batches under way the last of these replies is to, counted from the oldest; -1: none. */
  answeredBy(replies: Uint8Array): number {
    let age = -1
    eachMessage(replies, (type, _flags, seq) => {
      if (type !== NetlinkType.Error) return
      age = this.underWay.findIndex(({ firstSeq, lastSeq }) => seq >= firstSeq && seq <= lastSeq)
    })
    return age
  }

  /** Tells `refused` of each error among these replies to the oldest batch. Returns whether its last message is answered. */
  read(replies: Uint8Array, refused: (slot: number, errno: number, text: string) => void): boolean {
    const { firstSeq, lastSeq } = this.underWay[0]
    let isComplete = false
    eachMessage(replies, (type, _flags, seq, port, at, end) => {
      if (type !== NetlinkType.Error || seq < firstSeq || seq > lastSeq) return
      if (port !== 0) this.ownPort = port
      if (seq === lastSeq) isComplete = true
      const { errno, text } = decodeError(replies, at, end)
      if (errno !== 0) refused(seq - firstSeq, errno, text)
    })
    return isComplete
  }

  /** The oldest batch is under way no more. */
  ended(): void {
    this.underWay.shift()
  }

  /** A number for a message outside of batches: a dump request. */
  takeSeq(): number {
    return this.nextSeq++
  }

  /** Smaller batches than the one that was not answered, while it is looked for what the kernel does not answer. */
  narrow({ firstSeq, lastSeq }: Sent): void {
    this.limit = Math.max(1, Math.min(this.limit, (lastSeq - firstSeq + 1) >>> 1))
  }

  widen(): void {
    this.limit = Math.min(KERNEL_BATCH_MESSAGES_MAX, this.limit * 2)
  }

  hasRoom(): boolean {
    return this.count < this.limit && this.writer.fits(MESSAGE_BYTES_MAX)
  }

  putLeaf(leaf: LeafObject, mode: PutMode): void {
    const { family, words, ifindex, labels } = leaf.adjacency
    const flags = FLAGS[mode]
    const seq = this.next()
    const to = words.length === 0 ? { family, ifindex } : { family, gateway: words, ifindex }
    // A gateway outside of its link's subnets is there because a route of ours says so; the kernel asks its own routes and refuses it.
    const onlink = words.length > 0 && !this.interfaces.isOnSubnet(ifindex, { family, words })
    putNexthop(this.writer, { seq, flags, id: leaf.id, ...to, onlink, labels, protocol: OWN_PROTOCOL })
  }

  putGroup(group: GroupObject, members: ReadonlyArray<Member>, mode: PutMode): void {
    putNexthopGroup(this.writer, {
      seq: this.next(),
      flags: FLAGS[mode],
      id: group.id,
      protocol: OWN_PROTOCOL,
      members: members.map(({ leaf, weight }) => ({ id: leaf.id, weight })),
      ...(group.sentShape === undefined ? {} : { resilient: group.sentShape })
    })
  }

  deleteNexthop(id: number): void {
    putNexthopDelete(this.writer, this.next(), id)
  }

  putRoute(family: 0 | 1, prefix: PrefixId, groupId: number, mode: PutMode): void {
    const { words, lengths, wordsPerPrefix } = this.tables[family]
    const { table, metric } = this.kernel
    writeRoute(
      this.writer,
      this.next(),
      FLAGS[mode],
      family === 0 ? 4 : 6,
      words,
      prefix * wordsPerPrefix,
      lengths[prefix],
      table,
      OWN_PROTOCOL,
      metric,
      groupId,
      groupId <= DISCARD_LAST ? groupId : RouteType.Unicast
    )
  }

  deleteRoute(family: 0 | 1, prefix: PrefixId): void {
    const { words, lengths, wordsPerPrefix } = this.tables[family]
    const { table, metric } = this.kernel
    writeRouteDelete(
      this.writer,
      this.next(),
      0,
      family === 0 ? 4 : 6,
      words,
      prefix * wordsPerPrefix,
      lengths[prefix],
      table,
      OWN_PROTOCOL,
      metric
    )
  }

  putRule(rule: RuleContent): number {
    const seq = this.next()
    putRule(this.writer, { ...rule, seq, flags: FLAGS[PutMode.Create], protocol: OWN_PROTOCOL })
    return seq
  }

  deleteRule(rule: RuleContent): number {
    const seq = this.next()
    putRuleDelete(this.writer, { ...rule, seq, flags: 0, protocol: OWN_PROTOCOL })
    return seq
  }

  private next(): number {
    this.lastAt = this.writer.length
    this.count++
    return this.nextSeq++
  }
}

/** What we make must not be there: what is there under our key and is not known to us belongs to somebody else. */
const FLAGS: ReadonlyArray<number> = [
  NetlinkFlag.Create | NetlinkFlag.Exclusive,
  NetlinkFlag.Replace,
  NetlinkFlag.Create | NetlinkFlag.Replace
]
