// What a nexthop may carry beside its gateway: a stack of MPLS labels that it pushes (a leaf), and how the buckets of a resilient group behave.
import { eachAttribute } from "./message.ts"
import { NexthopAttribute } from "./numbers.ts"
import { load16, load32, loadNetwork32, type NetlinkWriter } from "./writer.ts"

/** NLA_F_NESTED, as iproute2 sets it here. */
const NESTED = 0x8000
const MPLS_IPTUNNEL_DST = 1
const LWTUNNEL_ENCAP_MPLS = 1
const BOTTOM_OF_STACK = 0x100
const ResilientAttribute = { Buckets: 1, IdleTimer: 2, UnbalancedTimer: 3 } as const

export interface ResilientSettings {
  /** 1 to 65535; fixed once the group exists. */
  readonly buckets: number
  /** Hundredths of a second that a bucket must be idle before it may move. */
  readonly idleTimer: number
  /** Hundredths of a second after which buckets move even if they are not idle; 0: never. */
  readonly unbalancedTimer: number
}

/** A stack of labels as 32-bit words in network order: label, traffic class 0, bottom of stack, TTL 0 (the packet's own). */
export const putLabels = (w: NetlinkWriter, labels: ReadonlyArray<number>): void => {
  const nest = w.beginNest(NexthopAttribute.Encap | NESTED)
  const words = labels.map((label, index) => label * 4096 + (index === labels.length - 1 ? BOTTOM_OF_STACK : 0))
  w.attributeWords(MPLS_IPTUNNEL_DST, words, 0, words.length)
  w.endNest(nest)
  w.attributeBytes(NexthopAttribute.EncapType, [LWTUNNEL_ENCAP_MPLS, 0])
}

/** Labels out of the value of an NHA_ENCAP. */
export const loadLabels = (bytes: Uint8Array, at: number, length: number): ReadonlyArray<number> => {
  const labels: Array<number> = []
  eachAttribute(bytes, at, at + length, (type, valueAt, valueLength) => {
    if (type !== MPLS_IPTUNNEL_DST) return
    for (let offset = 0; offset + 4 <= valueLength; offset += 4)
      labels.push(loadNetwork32(bytes, valueAt + offset) >>> 12)
  })
  return labels
}

export const putResilient = (w: NetlinkWriter, { buckets, idleTimer, unbalancedTimer }: ResilientSettings): void => {
  const nest = w.beginNest(NexthopAttribute.ResilientGroup | NESTED)
  w.attribute16(ResilientAttribute.Buckets, buckets)
  w.attribute32(ResilientAttribute.IdleTimer, idleTimer)
  w.attribute32(ResilientAttribute.UnbalancedTimer, unbalancedTimer)
  w.endNest(nest)
  w.attribute16(NexthopAttribute.GroupType, 1)
}

/** Settings out of the value of an NHA_RES_GROUP. */
export const loadResilient = (bytes: Uint8Array, at: number, length: number): ResilientSettings => {
  const found = { buckets: 0, idleTimer: 0, unbalancedTimer: 0 }
  eachAttribute(bytes, at, at + length, (type, valueAt, valueLength) => {
    if (type === ResilientAttribute.Buckets && valueLength >= 2) found.buckets = load16(bytes, valueAt)
    else if (type === ResilientAttribute.IdleTimer && valueLength >= 4) found.idleTimer = load32(bytes, valueAt)
    else if (type === ResilientAttribute.UnbalancedTimer && valueLength >= 4) {
      found.unbalancedTimer = load32(bytes, valueAt)
    }
  })
  return found
}
