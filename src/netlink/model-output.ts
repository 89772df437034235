// What the model kernel says: replies, dump parts and notifications as rtnetlink bytes, collected in one arena per step, with the
// effects that tell them apart. The attributes are those that we decode; the real kernel adds many more.
import { defineOps, type OpBuffer, type OpOf } from "../machine/index.ts"
import type { ModelAddress, ModelLink, ModelNeighbour, ModelRoute, ModelRule } from "./model-state.ts"
import { putLabels, putResilient } from "./nexthop-parts.ts"
import {
  AddressAttribute,
  ErrorAttribute,
  LinkAttribute,
  LinkFlag,
  LinkInfoAttribute,
  NeighbourAttribute,
  NetlinkFlag,
  NetlinkType,
  NexthopAttribute,
  NexthopFlag,
  RouteAttribute,
  RouteScope
} from "./numbers.ts"
import type { Nexthop } from "./object.ts"
import { addressFamily, putGroupMembers } from "./request.ts"
import { putRuleContent } from "./rule.ts"
import { NetlinkWriter } from "./writer.ts"

/** Bytes `from` to `to` of the kernel's output. `port` is who asked, or for a notification who caused it (0: nobody). */
export const modelKernelEffects = defineOps({
  /** All replies to one Requested event. */
  Replied: [1, "port", "from", "to"],
  /** A part of a dump; the last one holds NLMSG_DONE. */
  DumpReplied: [2, "port", "from", "to"],
  /** Notifications with one cause, in order. */
  Notified: [3, "port", "from", "to"],
  /** Notifications were lost. */
  Overran: [4]
})

export type ModelKernelEffect = OpOf<typeof modelKernelEffects>

const { code } = modelKernelEffects

/** Who asked, for the header of replies and notifications. */
export interface Origin {
  readonly port: number
  readonly seq: number
  /** nlmsg_flags of the request; notifications repeat some. */
  readonly flags: number
}

export const NOBODY: Origin = { port: 0, seq: 0, flags: 0 }

/** The kernel ends a dump's datagram near this size. */
export const DUMP_PART_BYTES = 32 * 1024
/** More than any one message: a link with a long name, or a group of 256 members. */
const MESSAGE_BYTES_MAX = 4096

export class ModelOutput {
  private readonly writer = new NetlinkWriter(new Uint8Array(4 * MESSAGE_BYTES_MAX))
  /** Notifications are kept apart until the step ends, because replies and they come out of the same requests. */
  private readonly news = new NetlinkWriter(new Uint8Array(4 * MESSAGE_BYTES_MAX))
  private runs: Array<{ readonly port: number; readonly from: number }> = []
  private lost = false

  /** What the last step produced. Valid until the next step. */
  get bytes(): Uint8Array {
    return this.writer.bytes
  }

  get length(): number {
    return this.writer.length
  }

  /** Forgets what the last step produced. */
  begin(): void {
    this.writer.length = 0
    this.news.length = 0
    this.runs = []
    this.lost = false
  }

  /** The writer for replies, with room for one more message. */
  reply(): NetlinkWriter {
    return roomy(this.writer)
  }

  /** The writer for one notification caused by `port`. */
  notification(port: number): NetlinkWriter {
    if (this.runs.at(-1)?.port !== port) this.runs.push({ port, from: this.news.length })
    return roomy(this.news)
  }

  notificationLost(): void {
    this.lost = true
  }

  /** Ends the step: notifications go behind the replies, and effects say where. */
  end(out: OpBuffer): void {
    const base = this.writer.length
    for (let index = 0; index < this.runs.length; index++) {
      const to = this.runs[index + 1]?.from ?? this.news.length
      out.put(code.Notified, this.runs[index].port, base + this.runs[index].from, base + to)
    }
    if (this.lost) out.put(code.Overran)
    ensure(this.writer, this.news.length)
    this.writer.bytes.set(this.news.bytes.subarray(0, this.news.length), base)
    this.writer.length = base + this.news.length
  }
}

const roomy = (writer: NetlinkWriter): NetlinkWriter => {
  ensure(writer, MESSAGE_BYTES_MAX)
  return writer
}

const ensure = (writer: NetlinkWriter, byteCount: number): void => {
  if (writer.fits(byteCount)) return
  const larger = new Uint8Array(Math.max(writer.bytes.length * 2, writer.length + byteCount))
  larger.set(writer.bytes)
  writer.bytes = larger
}

/** NLMSG_ERROR as with extended and capped acknowledgements on: the failed header, and the text if there is one. */
export const writeReply = (
  w: NetlinkWriter,
  origin: Origin,
  request: { readonly type: number; readonly length: number; readonly port: number },
  errno: number,
  text: string
): void => {
  const flags = NetlinkFlag.Capped | (text === "" ? 0 : NetlinkFlag.AckAttributes)
  const start = w.begin(NetlinkType.Error, flags, origin.seq, origin.port)
  w.u32(-errno)
  w.u32(request.length)
  w.u16(request.type)
  w.u16(origin.flags)
  w.u32(origin.seq)
  w.u32(request.port)
  if (text !== "") w.attributeText(ErrorAttribute.Message, text)
  w.end(start)
}

export const writeDone = (w: NetlinkWriter, origin: Origin, flags: number, errno: number, text: string): void => {
  const all = NetlinkFlag.Multi | flags | (text === "" ? 0 : NetlinkFlag.AckAttributes)
  const start = w.begin(NetlinkType.Done, all, origin.seq, origin.port)
  w.u32(-errno)
  if (text !== "") w.attributeText(ErrorAttribute.Message, text)
  w.end(start)
}

const OPERATIONAL_DOWN = 2
const OPERATIONAL_UP = 6
const HARDWARE_ETHERNET = 1
const HARDWARE_LOOPBACK = 772

export const writeLink = (w: NetlinkWriter, type: number, origin: Origin, flags: number, link: ModelLink): void => {
  const running = link.up && link.carrier
  const start = w.begin(type, flags, origin.seq, origin.port)
  w.u16(0)
  w.u16(link.loopback ? HARDWARE_LOOPBACK : HARDWARE_ETHERNET)
  w.u32(link.index)
  const kind = link.loopback ? LinkFlag.Loopback : LinkFlag.Broadcast | LinkFlag.Multicast
  w.u32(kind | (link.up ? LinkFlag.Up : 0) | (running ? LinkFlag.Running | LinkFlag.LowerUp : 0))
  w.u32(0)
  w.attributeText(LinkAttribute.Name, link.name)
  w.attribute32(LinkAttribute.Mtu, link.mtu)
  w.attribute8(LinkAttribute.OperState, running ? OPERATIONAL_UP : OPERATIONAL_DOWN)
  w.attribute8(LinkAttribute.Carrier, link.carrier ? 1 : 0)
  if (link.kind !== "") {
    const info = w.beginNest(LinkAttribute.LinkInfo)
    w.attributeText(LinkInfoAttribute.Kind, link.kind)
    w.endNest(info)
  }
  w.end(start)
}

const ADDRESS_FLAG_PERMANENT = 0x80

export const writeAddress = (
  w: NetlinkWriter,
  type: number,
  origin: Origin,
  flags: number,
  address: ModelAddress
): void => {
  const start = w.begin(type, flags, origin.seq, origin.port)
  w.u8(addressFamily(address.family))
  w.u8(address.length)
  w.u8(ADDRESS_FLAG_PERMANENT)
  w.u8(addressScope(address))
  w.u32(address.ifindex)
  w.attributeWords(AddressAttribute.Address, address.words, 0, address.words.length)
  if (address.family === 4) w.attributeWords(AddressAttribute.Local, address.words, 0, 1)
  w.attribute32(AddressAttribute.Flags, ADDRESS_FLAG_PERMANENT)
  w.end(start)
}

const addressScope = ({ family, words }: ModelAddress): number => {
  if (family === 4) return words[0] >>> 24 === 127 ? RouteScope.Host : RouteScope.Universe
  if (words[0] >>> 22 === 0xfe80 >>> 6) return RouteScope.Link
  return words[0] === 0 && words[1] === 0 && words[2] === 0 && words[3] === 1 ? RouteScope.Host : RouteScope.Universe
}

export const writeNeighbour = (
  w: NetlinkWriter,
  type: number,
  origin: Origin,
  flags: number,
  neighbour: ModelNeighbour
): void => {
  const start = w.begin(type, flags, origin.seq, origin.port)
  w.u32(addressFamily(neighbour.family))
  w.u32(neighbour.ifindex)
  w.u16(neighbour.state)
  w.u16(UNICAST_TYPE << 8)
  w.attributeWords(NeighbourAttribute.Destination, neighbour.words, 0, neighbour.words.length)
  w.attributeBytes(NeighbourAttribute.LinkLayerAddress, neighbour.linkLayerAddress)
  w.end(start)
}

const UNICAST_TYPE = 1

export const writeNexthop = (w: NetlinkWriter, type: number, origin: Origin, flags: number, nexthop: Nexthop): void => {
  const start = w.begin(type, flags, origin.seq, origin.port)
  w.u8(nexthop.family === 0 ? 0 : addressFamily(nexthop.family))
  w.u8(nexthop.ifindex === 0 ? RouteScope.Universe : RouteScope.Link)
  w.u8(nexthop.protocol)
  w.u8(0)
  w.u32(nexthop.onlink ? NexthopFlag.Onlink : 0)
  w.attribute32(NexthopAttribute.Id, nexthop.id)
  if (nexthop.members !== undefined) {
    if (nexthop.resilient === undefined) w.attribute16(NexthopAttribute.GroupType, nexthop.groupType)
    putGroupMembers(w, nexthop.members)
    if (nexthop.resilient !== undefined) putResilient(w, nexthop.resilient)
  } else if (nexthop.blackhole) w.flag(NexthopAttribute.Blackhole)
  else {
    if (nexthop.labels !== undefined) putLabels(w, nexthop.labels)
    w.attribute32(NexthopAttribute.OutInterface, nexthop.ifindex)
    if (nexthop.gateway !== undefined) {
      w.attributeWords(NexthopAttribute.Gateway, nexthop.gateway, 0, nexthop.gateway.length)
    }
  }
  w.end(start)
}

/** What is 0 is not told. */
export const writeRule = (w: NetlinkWriter, type: number, origin: Origin, flags: number, rule: ModelRule): void => {
  const { mark, markMask, ...rest } = rule
  const start = w.begin(type, flags, origin.seq, origin.port)
  putRuleContent(w, {
    ...rest,
    ...(mark === 0 ? {} : { mark }),
    ...(markMask === 0 ? {} : { markMask })
  })
  w.end(start)
}

/** `type` and `routeFlags` are given: what a route is depends on its nexthop and its link by now. */
export const writeRouteObject = (
  w: NetlinkWriter,
  message: number,
  origin: Origin,
  flags: number,
  route: ModelRoute,
  type: number,
  routeFlags: number
): void => {
  const start = w.begin(message, flags, origin.seq, origin.port)
  w.u8(addressFamily(route.family))
  w.u8(route.length)
  w.u8(0)
  w.u8(route.typeOfService)
  w.u8(route.table > 255 ? TABLE_COMPAT : route.table)
  w.u8(route.protocol)
  w.u8(route.scope)
  w.u8(type)
  w.u32(routeFlags)
  w.attribute32(RouteAttribute.Table, route.table)
  if (route.length > 0) w.attributeWords(RouteAttribute.Destination, route.words, 0, route.words.length)
  if (route.metric !== 0) w.attribute32(RouteAttribute.Priority, route.metric)
  if (route.nexthopId !== 0) w.attribute32(RouteAttribute.NexthopId, route.nexthopId)
  if (route.gateway !== undefined) w.attributeWords(RouteAttribute.Gateway, route.gateway, 0, route.gateway.length)
  if (route.ifindex !== 0) w.attribute32(RouteAttribute.OutInterface, route.ifindex)
  w.end(start)
}

/** RT_TABLE_COMPAT: look into the attribute. */
const TABLE_COMPAT = 252
