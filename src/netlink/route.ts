// Routes out of rtnetlink bytes. Tables hold a million of them, so there is a view that is filled again for each message, and the
// readable object for everything else is made from it.
import { ATTRIBUTE_TYPE_MASK, align4 } from "./message.ts"
import { ADDRESS_FAMILY_INET6, RouteAttribute } from "./numbers.ts"
import { familyNumber, loadWords } from "./object.ts"
import { load16, load32, loadNetwork32 } from "./writer.ts"

export interface Route {
  readonly family: 4 | 6 | 0
  readonly words: ReadonlyArray<number>
  readonly length: number
  readonly table: number
  readonly protocol: number
  readonly type: number
  readonly scope: number
  readonly metric: number
  /** NexthopFlag bits, and RTM_F_* above them. */
  readonly flags: number
  readonly typeOfService: number
  /** 0: the route carries its next hop itself. */
  readonly nexthopId: number
  readonly ifindex: number
  readonly gateway: ReadonlyArray<number> | undefined
  readonly multipath: boolean
}

/** One route, overwritten by each `scan`. */
export class RouteView {
  family: 4 | 6 | 0 = 0
  /** One word for IPv4, four for IPv6; the rest is stale. */
  readonly words: Uint32Array = new Uint32Array(4)
  length = 0
  table = 0
  protocol = 0
  type = 0
  scope = 0
  metric = 0
  flags = 0
  typeOfService = 0
  nexthopId = 0
  ifindex = 0
  /** Where the gateway's bytes are; its family may differ from the route's (RFC 8950). -1: none. */
  gatewayAt = -1
  gatewayLength = 0
  multipath = false

  /** Reads the payload of an RTM_NEWROUTE or RTM_DELROUTE. False: too short to be one. */
  scan(bytes: Uint8Array, at: number, end: number): boolean {
    if (end - at < 12) return false
    this.family = familyNumber(bytes[at])
    this.length = bytes[at + 1]
    this.typeOfService = bytes[at + 3]
    this.table = bytes[at + 4]
    this.protocol = bytes[at + 5]
    this.scope = bytes[at + 6]
    this.type = bytes[at + 7]
    this.flags = load32(bytes, at + 8)
    this.words.fill(0)
    this.metric = 0
    this.nexthopId = 0
    this.ifindex = 0
    this.gatewayAt = -1
    this.gatewayLength = 0
    this.multipath = false
    for (let next = at + 12; next + 4 <= end; ) {
      const size = load16(bytes, next)
      if (size < 4 || next + size > end) break
      this.attribute(load16(bytes, next + 2) & ATTRIBUTE_TYPE_MASK, bytes, next + 4, size - 4)
      next += align4(size)
    }
    return true
  }

  private attribute(type: number, bytes: Uint8Array, at: number, length: number): void {
    switch (type) {
      case RouteAttribute.Destination:
        for (let word = 0; word < 4 && word * 4 + 4 <= length; word++)
          this.words[word] = loadNetwork32(bytes, at + word * 4)
        return
      case RouteAttribute.Priority:
        if (length >= 4) this.metric = load32(bytes, at)
        return
      case RouteAttribute.Table:
        if (length >= 4) this.table = load32(bytes, at)
        return
      case RouteAttribute.NexthopId:
        if (length >= 4) this.nexthopId = load32(bytes, at)
        return
      case RouteAttribute.OutInterface:
        if (length >= 4) this.ifindex = load32(bytes, at)
        return
      case RouteAttribute.Gateway:
        this.gatewayAt = at
        this.gatewayLength = length
        return
      case RouteAttribute.Via:
        // Two bytes of family stand before the address.
        if (length < 6 || load16(bytes, at) !== ADDRESS_FAMILY_INET6) return
        this.gatewayAt = at + 2
        this.gatewayLength = length - 2
        return
      case RouteAttribute.Multipath:
        this.multipath = true
        return
    }
  }

  /** The readable form. */
  object(bytes: Uint8Array): Route {
    const {
      family,
      length,
      table,
      protocol,
      type,
      scope,
      metric,
      flags,
      typeOfService,
      nexthopId,
      ifindex,
      multipath
    } = this
    const words = Array.from(this.words.subarray(0, family === 6 ? 4 : 1))
    const gateway = this.gatewayAt < 0 ? undefined : loadWords(bytes, this.gatewayAt, this.gatewayLength)
    return {
      family,
      words,
      length,
      table,
      protocol,
      type,
      scope,
      metric,
      flags,
      typeOfService,
      nexthopId,
      ifindex,
      gateway,
      multipath
    }
  }
}

/** One route as an object. */
export const decodeRoute = (bytes: Uint8Array, at: number, end: number): Route => {
  const view = new RouteView()
  view.scan(bytes, at, end)
  return view.object(bytes)
}
