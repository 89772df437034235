// Requests to the kernel as rtnetlink bytes, in the attribute order of iproute2, so that what we send can be held beside what `ip`
// sends. NLM_F_REQUEST is always set; the caller adds Create, Replace, Exclusive, Append, and Ack on the last message of a batch.
// Routes name a nexthop group and never a gateway (ADR-0020).
import { assert } from "../machine/index.ts"
import { putLabels, putResilient, type ResilientSettings } from "./nexthop-parts.ts"
import {
  ADDRESS_FAMILY_INET,
  ADDRESS_FAMILY_INET6,
  AddressAttribute,
  LinkAttribute,
  LinkFlag,
  LinkInfoAttribute,
  NetlinkFlag,
  NetlinkType,
  NexthopAttribute,
  NexthopFlag,
  RouteAttribute,
  RouteScope,
  RouteType
} from "./numbers.ts"
import { type NetlinkWriter, ROUTE_REQUEST_BYTES_MAX, store32, storeNetwork32 } from "./writer.ts"

export interface RouteRequest {
  readonly seq: number
  readonly flags: number
  readonly family: 4 | 6
  /** The prefix: one word for IPv4, four for IPv6, from `wordsAt`. */
  readonly words: ArrayLike<number>
  readonly wordsAt: number
  readonly length: number
  readonly table: number
  readonly protocol: number
  readonly metric: number
  /** Nexthop id of the group; ignored for types other than unicast. */
  readonly groupId: number
  readonly type: number
}

/** Puts a route in the table. */
export const putRoute = (w: NetlinkWriter, r: RouteRequest): void =>
  writeRoute(
    w,
    r.seq,
    r.flags,
    r.family,
    r.words,
    r.wordsAt,
    r.length,
    r.table,
    r.protocol,
    r.metric,
    r.groupId,
    r.type
  )

/** The same without an object per route, for the hot path. */
export const writeRoute = (
  w: NetlinkWriter,
  seq: number,
  flags: number,
  family: 4 | 6,
  words: ArrayLike<number>,
  wordsAt: number,
  length: number,
  table: number,
  protocol: number,
  metric: number,
  groupId: number,
  type: number
): void => {
  const { bytes, length: start } = w
  assert(start + ROUTE_REQUEST_BYTES_MAX <= bytes.length, "a route request fits its block")
  let at = routeHeader(bytes, start, family, length, table, protocol, RouteScope.Universe, type)
  at = routeDestination(bytes, at, family, words, wordsAt, length)
  if (type === RouteType.Unicast) at = word(bytes, at, RouteAttribute.NexthopId, groupId)
  at = word(bytes, at, RouteAttribute.Priority, metric)
  if (table > 255) at = word(bytes, at, RouteAttribute.Table, table)
  w.length = at
  header(bytes, start, at - start, NetlinkType.NewRoute, flags | NetlinkFlag.Request, seq)
}

export type RouteDeleteRequest = Omit<RouteRequest, "groupId" | "type">

/** Removes our route: the protocol is named, so that nobody else's route is hit; the nexthop is not, because it may have changed. */
export const putRouteDelete = (w: NetlinkWriter, r: RouteDeleteRequest): void =>
  writeRouteDelete(w, r.seq, r.flags, r.family, r.words, r.wordsAt, r.length, r.table, r.protocol, r.metric)

export const writeRouteDelete = (
  w: NetlinkWriter,
  seq: number,
  flags: number,
  family: 4 | 6,
  words: ArrayLike<number>,
  wordsAt: number,
  length: number,
  table: number,
  protocol: number,
  metric: number
): void => {
  const { bytes, length: start } = w
  assert(start + ROUTE_REQUEST_BYTES_MAX <= bytes.length, "a route request fits its block")
  // Of any scope; IPv6 has none.
  const scope = family === 4 ? RouteScope.Nowhere : RouteScope.Universe
  let at = routeHeader(bytes, start, family, length, table, protocol, scope, 0)
  at = routeDestination(bytes, at, family, words, wordsAt, length)
  at = word(bytes, at, RouteAttribute.Priority, metric)
  if (table > 255) at = word(bytes, at, RouteAttribute.Table, table)
  w.length = at
  header(bytes, start, at - start, NetlinkType.DelRoute, flags | NetlinkFlag.Request, seq)
}

export interface NexthopRequest {
  readonly seq: number
  readonly flags: number
  readonly id: number
  /** Of the gateway. A blackhole has one too: IPv6 routes refuse an IPv4 blackhole. */
  readonly family: 4 | 6
  readonly gateway?: ArrayLike<number> | undefined
  readonly ifindex: number
  readonly onlink?: boolean
  readonly blackhole?: boolean
  readonly protocol: number
  /** MPLS labels to push, the outermost first (RFC 3032 §2.1). */
  readonly labels?: ReadonlyArray<number>
}

/** A leaf: a gateway on an interface, an interface alone, or a blackhole (then neither is sent). */
export const putNexthop = (w: NetlinkWriter, r: NexthopRequest): void => {
  const start = w.begin(NetlinkType.NewNexthop, r.flags | NetlinkFlag.Request, r.seq, 0)
  nexthopHeader(w, addressFamily(r.family), r.protocol, r.onlink === true ? NexthopFlag.Onlink : 0)
  w.attribute32(NexthopAttribute.Id, r.id)
  if (r.blackhole === true) w.flag(NexthopAttribute.Blackhole)
  else {
    if (r.labels !== undefined && r.labels.length > 0) putLabels(w, r.labels)
    if (r.gateway !== undefined) w.attributeWords(NexthopAttribute.Gateway, r.gateway, 0, r.family === 4 ? 1 : 4)
    w.attribute32(NexthopAttribute.OutInterface, r.ifindex)
  }
  w.end(start)
}

/** A leaf and its share in a group. */
export interface GroupMember {
  readonly id: number
  /** 1 to 65535 (kernels before 6.12 take 256 at most). */
  readonly weight: number
}

export interface NexthopGroupRequest {
  readonly seq: number
  readonly flags: number
  readonly id: number
  readonly protocol: number
  readonly members: ReadonlyArray<GroupMember>
  /** Absent: hash-threshold. */
  readonly resilient?: ResilientSettings
}

/** A group of any size from one. */
export const putNexthopGroup = (w: NetlinkWriter, r: NexthopGroupRequest): void => {
  assert(r.members.length > 0, "a nexthop group has a member")
  const start = w.begin(NetlinkType.NewNexthop, r.flags | NetlinkFlag.Request, r.seq, 0)
  nexthopHeader(w, 0, r.protocol, 0)
  w.attribute32(NexthopAttribute.Id, r.id)
  putGroupMembers(w, r.members)
  if (r.resilient !== undefined) putResilient(w, r.resilient)
  w.end(start)
}

/** The wire holds the weight less one: its low byte, and its high byte in what used to be reserved. */
export const putGroupMembers = (w: NetlinkWriter, members: ReadonlyArray<GroupMember>): void => {
  w.u16(4 + members.length * 8)
  w.u16(NexthopAttribute.Group)
  for (const { id, weight } of members) {
    assert(weight >= 1 && weight <= 65536, "the weight of a group member fits 16 bits")
    w.u32(id)
    w.u8((weight - 1) & 0xff)
    w.u8((weight - 1) >>> 8)
    w.u16(0)
  }
}

/** Removes a leaf or a group. */
export const putNexthopDelete = (w: NetlinkWriter, seq: number, id: number, flags = 0): void => {
  const start = w.begin(NetlinkType.DelNexthop, flags | NetlinkFlag.Request, seq, 0)
  nexthopHeader(w, 0, 0, 0)
  w.attribute32(NexthopAttribute.Id, id)
  w.end(start)
}

export type DumpKind = "link" | "address" | "neighbour" | "nexthop" | "route" | "rule"

export interface DumpRequest {
  readonly seq: number
  readonly kind: DumpKind
  /** 0: both (links and nexthops have none; routes want one). */
  readonly family: 0 | 4 | 6
  readonly table?: number
  readonly protocol?: number
}

/** Asks for all objects of a kind, in the form that strict checking accepts. Filters exist for routes only. */
export const putDump = (w: NetlinkWriter, r: DumpRequest): void => {
  const family = r.family === 0 ? 0 : addressFamily(r.family)
  const begin = (type: number): number => w.begin(type, NetlinkFlag.Request | NetlinkFlag.Dump, r.seq, 0)
  let start: number
  switch (r.kind) {
    case "link":
      start = begin(NetlinkType.GetLink)
      linkHeader(w, 0, 0, 0)
      break
    case "address":
      start = begin(NetlinkType.GetAddress)
      addressHeader(w, family, 0, 0)
      break
    case "neighbour":
      start = begin(NetlinkType.GetNeighbour)
      w.u32(family)
      w.u32(0)
      w.u32(0)
      break
    case "nexthop":
      // The kernel refuses a protocol here; callers filter what they get.
      start = begin(NetlinkType.GetNexthop)
      nexthopHeader(w, 0, 0, 0)
      break
    case "rule":
      start = begin(NetlinkType.GetRule)
      w.u32(family)
      w.u32(0)
      w.u32(0)
      break
    case "route":
      start = begin(NetlinkType.GetRoute)
      w.u32(family)
      w.u32((r.protocol ?? 0) << 8)
      w.u32(0)
      if (r.table !== undefined) w.attribute32(RouteAttribute.Table, r.table)
      break
  }
  w.end(start)
}

/** Sets a link administratively up or down. */
export const putLinkState = (
  w: NetlinkWriter,
  r: { readonly seq: number; readonly flags: number; readonly ifindex: number; readonly up: boolean }
): void => {
  const start = w.begin(NetlinkType.NewLink, r.flags | NetlinkFlag.Request, r.seq, 0)
  linkHeader(w, r.ifindex, r.up ? LinkFlag.Up : 0, LinkFlag.Up)
  w.end(start)
}

const VETH_INFO_PEER = 1

/** Makes a pair of connected links: what a private network namespace needs to have a next hop. */
export const putVethPair = (
  w: NetlinkWriter,
  r: { readonly seq: number; readonly flags: number; readonly name: string; readonly peer: string }
): void => {
  const create = NetlinkFlag.Request | NetlinkFlag.Create | NetlinkFlag.Exclusive
  const start = w.begin(NetlinkType.NewLink, r.flags | create, r.seq, 0)
  linkHeader(w, 0, 0, 0)
  w.attributeText(LinkAttribute.Name, r.name)
  const info = w.beginNest(LinkAttribute.LinkInfo)
  w.attributeBytes(LinkInfoAttribute.Kind, [0x76, 0x65, 0x74, 0x68])
  const data = w.beginNest(LinkInfoAttribute.Data)
  const peer = w.beginNest(VETH_INFO_PEER)
  linkHeader(w, 0, 0, 0)
  w.attributeText(LinkAttribute.Name, r.peer)
  w.endNest(peer)
  w.endNest(data)
  w.endNest(info)
  w.end(start)
}

/** IFA_F_NODAD: an IPv6 address that is usable at once. */
const ADDRESS_FLAG_NO_DAD = 2

/** Gives a link an address, or takes it away. */
export const putAddress = (
  w: NetlinkWriter,
  r: {
    readonly seq: number
    readonly flags: number
    readonly family: 4 | 6
    readonly words: ArrayLike<number>
    readonly length: number
    readonly ifindex: number
    readonly remove?: boolean
  }
): void => {
  const create = r.remove === true ? 0 : NetlinkFlag.Create | NetlinkFlag.Exclusive
  const type = r.remove === true ? NetlinkType.DelAddress : NetlinkType.NewAddress
  const start = w.begin(type, r.flags | create | NetlinkFlag.Request, r.seq, 0)
  addressHeader(w, addressFamily(r.family), r.length, r.ifindex)
  const count = r.family === 4 ? 1 : 4
  w.attributeWords(AddressAttribute.Local, r.words, 0, count)
  w.attributeWords(AddressAttribute.Address, r.words, 0, count)
  if (r.family === 6 && r.remove !== true) w.attribute32(AddressAttribute.Flags, ADDRESS_FLAG_NO_DAD)
  w.end(start)
}

/** 4 or 6 as rtnetlink numbers it. */
export const addressFamily = (family: 4 | 6): number => (family === 4 ? ADDRESS_FAMILY_INET : ADDRESS_FAMILY_INET6)

const linkHeader = (w: NetlinkWriter, ifindex: number, flags: number, change: number): void => {
  w.u32(0)
  w.u32(ifindex)
  w.u32(flags)
  w.u32(change)
}

const addressHeader = (w: NetlinkWriter, family: number, length: number, ifindex: number): void => {
  w.u8(family)
  w.u8(length)
  w.u16(0)
  w.u32(ifindex)
}

const nexthopHeader = (w: NetlinkWriter, family: number, protocol: number, flags: number): void => {
  w.u8(family)
  w.u8(0)
  w.u8(protocol)
  w.u8(0)
  w.u32(flags)
}

const header = (bytes: Uint8Array, at: number, size: number, type: number, flags: number, seq: number): void => {
  store32(bytes, at, size)
  store32(bytes, at + 4, (flags << 16) | type)
  store32(bytes, at + 8, seq)
  store32(bytes, at + 12, 0)
}

/** A table above 255 does not fit the header; RTA_TABLE follows then. Returns where the attributes start. */
const routeHeader = (
  bytes: Uint8Array,
  start: number,
  family: 4 | 6,
  length: number,
  table: number,
  protocol: number,
  scope: number,
  type: number
): number => {
  store32(bytes, start + 16, (length << 8) | addressFamily(family))
  store32(bytes, start + 20, (type << 24) | (scope << 16) | (protocol << 8) | (table > 255 ? 0 : table))
  store32(bytes, start + 24, 0)
  return start + 28
}

/** Like iproute2, the default route of IPv4 is named by leaving the destination out, that of IPv6 by one of zeros. */
const routeDestination = (
  bytes: Uint8Array,
  at: number,
  family: 4 | 6,
  words: ArrayLike<number>,
  wordsAt: number,
  length: number
): number => {
  if (family === 4) {
    if (length === 0) return at
    store32(bytes, at, (RouteAttribute.Destination << 16) | 8)
    storeNetwork32(bytes, at + 4, words[wordsAt])
    return at + 8
  }
  store32(bytes, at, (RouteAttribute.Destination << 16) | 20)
  storeNetwork32(bytes, at + 4, words[wordsAt])
  storeNetwork32(bytes, at + 8, words[wordsAt + 1])
  storeNetwork32(bytes, at + 12, words[wordsAt + 2])
  storeNetwork32(bytes, at + 16, words[wordsAt + 3])
  return at + 20
}

const word = (bytes: Uint8Array, at: number, type: number, value: number): number => {
  store32(bytes, at, (type << 16) | 8)
  store32(bytes, at + 4, value)
  return at + 8
}
