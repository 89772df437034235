// The kernel's objects out of rtnetlink bytes: links, addresses, neighbours, nexthops and routes, from dumps, from notifications and
// (for the model kernel) from requests. Decoding is total: what is missing reads as zero, what is unknown is skipped.
import { conditionOf } from "./condition.ts"
import { eachAttribute, loadText } from "./message.ts"
import { loadLabels, loadResilient, type ResilientSettings } from "./nexthop-parts.ts"
import {
  ADDRESS_FAMILY_INET,
  ADDRESS_FAMILY_INET6,
  AddressAttribute,
  LinkAttribute,
  LinkFlag,
  LinkInfoAttribute,
  NeighbourAttribute,
  NexthopAttribute,
  NexthopFlag
} from "./numbers.ts"
import type { GroupMember } from "./request.ts"
import { load16, load32, loadNetwork32 } from "./writer.ts"

export interface Link {
  readonly index: number
  readonly name: string
  /** Of the driver: `veth`, `dummy`; empty for hardware. */
  readonly kind: string
  /** LinkFlag bits. */
  readonly flags: number
  readonly mtu: number
  /** Administratively up and with a carrier: the kernel accepts nexthops on it. */
  readonly usable: boolean
}

export interface InterfaceAddress {
  readonly family: 4 | 6 | 0
  readonly ifindex: number
  /** Prefix length. */
  readonly length: number
  /** The prefix's side: on a point-to-point link the other end's address, else our own. */
  readonly words: ReadonlyArray<number>
  /** Our own address. */
  readonly local: ReadonlyArray<number>
  readonly scope: number
  readonly flags: number
}

export interface Neighbour {
  readonly family: 4 | 6 | 0
  readonly ifindex: number
  /** NUD_* bits. */
  readonly state: number
  readonly words: ReadonlyArray<number>
  readonly linkLayerAddress: ReadonlyArray<number>
}

export interface Nexthop {
  readonly id: number
  /** 0 for a group. */
  readonly family: 4 | 6 | 0
  readonly protocol: number
  readonly ifindex: number
  readonly onlink: boolean
  readonly blackhole: boolean
  /** Absent for a group, a blackhole, and an interface without a gateway. */
  readonly gateway: ReadonlyArray<number> | undefined
  /** Present for a group. */
  readonly members: ReadonlyArray<GroupMember> | undefined
  /** 0: hash-threshold; 1: resilient. */
  readonly groupType: number
  /** MPLS labels that it puts on, outermost first. */
  readonly labels?: ReadonlyArray<number>
  /** Present for a resilient group. */
  readonly resilient?: ResilientSettings
  /** See `conditionOf`; absent: nothing to say. */
  readonly condition?: number
}

export const decodeLink = (bytes: Uint8Array, at: number, end: number): Link => {
  let name = ""
  let kind = ""
  let mtu = 0
  if (end - at < 16) return { index: 0, name, kind, flags: 0, mtu, usable: false }
  eachAttribute(bytes, at + 16, end, (type, valueAt, length) => {
    if (type === LinkAttribute.Name) name = loadText(bytes, valueAt, length)
    else if (type === LinkAttribute.Mtu && length >= 4) mtu = load32(bytes, valueAt)
    else if (type === LinkAttribute.LinkInfo) {
      eachAttribute(bytes, valueAt, valueAt + length, (inner, innerAt, innerLength) => {
        if (inner === LinkInfoAttribute.Kind) kind = loadText(bytes, innerAt, innerLength)
      })
    }
  })
  const flags = load32(bytes, at + 8)
  const needed = LinkFlag.Up | LinkFlag.LowerUp
  return { index: load32(bytes, at + 4), name, kind, flags, mtu, usable: (flags & needed) === needed }
}

export const decodeAddressMessage = (bytes: Uint8Array, at: number, end: number): InterfaceAddress => {
  if (end - at < 8) return { family: 0, ifindex: 0, length: 0, words: [], local: [], scope: 0, flags: 0 }
  let words: ReadonlyArray<number> = []
  let local: ReadonlyArray<number> | undefined
  let flags = bytes[at + 2]
  eachAttribute(bytes, at + 8, end, (type, valueAt, length) => {
    if (type === AddressAttribute.Address) words = loadWords(bytes, valueAt, length)
    else if (type === AddressAttribute.Local) local = loadWords(bytes, valueAt, length)
    else if (type === AddressAttribute.Flags && length >= 4) flags = load32(bytes, valueAt)
  })
  const family = familyNumber(bytes[at])
  const own = local ?? words
  const prefix = words.length === 0 ? own : words
  return {
    family,
    ifindex: load32(bytes, at + 4),
    length: bytes[at + 1],
    words: prefix,
    local: own,
    scope: bytes[at + 3],
    flags
  }
}

export const decodeNeighbour = (bytes: Uint8Array, at: number, end: number): Neighbour => {
  let words: ReadonlyArray<number> = []
  let linkLayerAddress: ReadonlyArray<number> = []
  if (end - at < 12) return { family: 0, ifindex: 0, state: 0, words, linkLayerAddress }
  eachAttribute(bytes, at + 12, end, (type, valueAt, length) => {
    if (type === NeighbourAttribute.Destination) words = loadWords(bytes, valueAt, length)
    else if (type === NeighbourAttribute.LinkLayerAddress) {
      linkLayerAddress = Array.from(bytes.subarray(valueAt, valueAt + length))
    }
  })
  const family = familyNumber(bytes[at])
  return { family, ifindex: load32(bytes, at + 4), state: load16(bytes, at + 8), words, linkLayerAddress }
}

export const decodeNexthop = (bytes: Uint8Array, at: number, end: number): Nexthop => {
  let id = 0
  let ifindex = 0
  let blackhole = false
  let gateway: ReadonlyArray<number> | undefined
  let members: ReadonlyArray<GroupMember> | undefined
  let groupType = 0
  let labels: ReadonlyArray<number> | undefined
  let resilient: ResilientSettings | undefined
  if (end - at >= 8) {
    eachAttribute(bytes, at + 8, end, (type, valueAt, length) => {
      if (type === NexthopAttribute.Id && length >= 4) id = load32(bytes, valueAt)
      else if (type === NexthopAttribute.OutInterface && length >= 4) ifindex = load32(bytes, valueAt)
      else if (type === NexthopAttribute.Gateway) gateway = loadWords(bytes, valueAt, length)
      else if (type === NexthopAttribute.Blackhole) blackhole = true
      else if (type === NexthopAttribute.Encap) labels = loadLabels(bytes, valueAt, length)
      else if (type === NexthopAttribute.ResilientGroup) resilient = loadResilient(bytes, valueAt, length)
      else if (type === NexthopAttribute.Group) members = loadGroupMembers(bytes, valueAt, length)
      else if (type === NexthopAttribute.GroupType && length >= 2) groupType = load16(bytes, valueAt)
    })
  }
  const whole = end - at >= 8
  const condition = whole ? conditionOf(load32(bytes, at + 4)) : 0
  return {
    id,
    family: whole ? familyNumber(bytes[at]) : 0,
    protocol: whole ? bytes[at + 2] : 0,
    ifindex,
    onlink: whole && (load32(bytes, at + 4) & NexthopFlag.Onlink) !== 0,
    blackhole,
    gateway,
    members,
    groupType,
    ...(labels === undefined ? {} : { labels }),
    ...(resilient === undefined ? {} : { resilient }),
    ...(condition === 0 ? {} : { condition })
  }
}

const loadGroupMembers = (bytes: Uint8Array, at: number, length: number): ReadonlyArray<GroupMember> =>
  Array.from({ length: Math.floor(length / 8) }, (_, index) => {
    const member = at + index * 8
    return { id: load32(bytes, member), weight: (bytes[member + 4] | (bytes[member + 5] << 8)) + 1 }
  })

/** Words of an address, most significant first. */
export const loadWords = (bytes: Uint8Array, at: number, length: number): ReadonlyArray<number> =>
  Array.from({ length: Math.min(4, length >>> 2) }, (_, index) => loadNetwork32(bytes, at + index * 4))

/** rtnetlink's number for an address family as ours; 0 for all others. */
export const familyNumber = (family: number): 4 | 6 | 0 =>
  family === ADDRESS_FAMILY_INET ? 4 : family === ADDRESS_FAMILY_INET6 ? 6 : 0
