// One batch of kernel requests under construction: rtnetlink messages in a block of the router's pool, with an acknowledgement asked
// of the last one only. Numbers of messages run on from batch to batch, so that a reply names its message.
import type { BlockPool, Lease } from "../buffers/index.ts"
import type { Interfaces } from "../fib/index.ts"
import {
  DISCARD_LAST,
  type GroupObject,
  type LeafObject,
  type Member,
  type PutMode,
  type Requests
} from "../ksync/index.ts"
import { KERNEL_BATCH_MESSAGES_MAX, PATHS_PER_LIST_MAX } from "../machine/index.ts"
import {
  NEXTHOP_GROUP_REQUEST_BYTES,
  NetlinkFlag,
  NetlinkWriter,
  putNexthop,
  putNexthopDelete,
  putNexthopGroup,
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

const MESSAGE_BYTES_MAX = NEXTHOP_GROUP_REQUEST_BYTES(PATHS_PER_LIST_MAX)
/** Sequence numbers start over long before they would be negative anywhere. */
const SEQ_WRAP = 0x4000_0000

export class ForwardingBatch implements Requests {
  private readonly writer = new NetlinkWriter(new Uint8Array(0))
  private readonly pool: BlockPool
  private readonly kernel: KernelConfig
  private readonly tables: readonly [PrefixTable, PrefixTable]
  private readonly interfaces: Interfaces
  private nextSeq = 1
  private limit = KERNEL_BATCH_MESSAGES_MAX
  private lastAt = 0
  /** Sequence number of the first message, whose slot is 0. */
  firstSeq = 0
  count = 0
  block: Lease = 0

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

  /** Asks for the acknowledgement; the block then belongs to whoever sends it. Returns how many bytes. */
  finish(): number {
    requestAck(this.writer.bytes, this.lastAt)
    return this.writer.length
  }

  /** Nothing was put: the block goes back. */
  abandon(): void {
    this.pool.release(this.block)
  }

  get lastSeq(): number {
    return this.firstSeq + this.count - 1
  }

  /** A number for a message outside of batches: a dump request. */
  takeSeq(): number {
    return this.nextSeq++
  }

  /** Smaller batches, while it is looked for what the kernel does not answer. */
  narrow(): void {
    this.limit = Math.max(1, this.count >>> 1)
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
      members: members.map(({ leaf, weight }) => ({ id: leaf.id, weight }))
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
