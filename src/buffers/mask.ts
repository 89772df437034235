// What decides whether received bytes may be sent on unchanged, as 64 bits: the capability mask of ZeBGP's message buffer design, with
// its bit numbers. A peer has a mask; a message has a requirement, which says of which bits it cares and what they must be.
//
// The original asks two questions: are the exclusive bits equal, and does the peer have every additive bit that the sender had? That is
// too strict where a message uses less than its sender negotiated, and wrong for path identifiers: NLRI with them cannot be read by a
// peer without, and NLRI without cannot be read by a peer with. Here ADD-PATH is exclusive for the families that a message holds, and
// the requirement is computed from the message. It says only that the peer can read the bytes. Whether they are what it should be told
// (transparent export, identifiers that we chose) is for `rib` to decide.

/** Bits 0 to 31 and 32 to 63. */
export interface Mask {
  readonly low: number
  readonly high: number
}

/** Bit numbers. */
export const MaskBit = {
  External: 0,
  FourOctetAs: 1,
  ExtendedMessage: 2,
  AddPathIpv4Unicast: 8,
  AddPathIpv4Multicast: 9,
  AddPathIpv6Unicast: 10,
  AddPathIpv6Multicast: 11,
  AddPathVpnv4: 12,
  AddPathVpnv6: 13,
  AddPathEvpn: 14,
  AddPathFlowSpec: 15,
  Ipv4Unicast: 24,
  Ipv4Multicast: 25,
  Ipv6Unicast: 26,
  Ipv6Multicast: 27,
  Vpnv4: 28,
  Vpnv6: 29,
  Evpn: 30,
  FlowSpecv4: 31,
  FlowSpecv6: 32,
  BgpLs: 33
} as const
export type MaskBit = (typeof MaskBit)[keyof typeof MaskBit]

/** The family bits; each with its ADD-PATH bit, if it has one. Both FlowSpec families share theirs. */
const FAMILIES: ReadonlyArray<readonly [family: MaskBit, addPath: MaskBit | undefined]> = [
  [MaskBit.Ipv4Unicast, MaskBit.AddPathIpv4Unicast],
  [MaskBit.Ipv4Multicast, MaskBit.AddPathIpv4Multicast],
  [MaskBit.Ipv6Unicast, MaskBit.AddPathIpv6Unicast],
  [MaskBit.Ipv6Multicast, MaskBit.AddPathIpv6Multicast],
  [MaskBit.Vpnv4, MaskBit.AddPathVpnv4],
  [MaskBit.Vpnv6, MaskBit.AddPathVpnv6],
  [MaskBit.Evpn, MaskBit.AddPathEvpn],
  [MaskBit.FlowSpecv4, MaskBit.AddPathFlowSpec],
  [MaskBit.FlowSpecv6, MaskBit.AddPathFlowSpec],
  [MaskBit.BgpLs, undefined]
]

export const maskOf = (bits: Iterable<MaskBit>): Mask => {
  let low = 0
  let high = 0
  for (const bit of bits) {
    if (bit < 32) low |= 1 << bit
    else high |= 1 << (bit - 32)
  }
  return { low: low >>> 0, high: high >>> 0 }
}

export const hasBit = (mask: Mask, bit: MaskBit): boolean =>
  ((bit < 32 ? mask.low >>> bit : mask.high >>> (bit - 32)) & 1) === 1

/** The bits that must agree, and what they must be. `must` has no bit outside `care`. */
export interface Requirement {
  readonly care: Mask
  readonly must: Mask
}

/** What a message holds, as its reader found it. */
export interface MessageFacts {
  /** The whole message, with its header. */
  readonly lengthBytes: number
  /** The longest message that a peer without extended messages takes: 4096 [RFC 8654 §4]. */
  readonly plainBytesMax: number
  /** Family bits for which it announces or withdraws something. */
  readonly families: Iterable<MaskBit>
  /** Whether it holds AS numbers, which are two or four octets by what its sender negotiated [RFC 6793 §4.1]. */
  readonly asNumbers: boolean
  /** It only withdraws: without attributes it says the same within an AS and beyond it. */
  readonly withdrawsOnly?: boolean
}

/** What a peer must be like to read the bytes of a message from a sender with this mask. */
export const requirementOf = (sender: Mask, facts: MessageFacts): Requirement => {
  const care: Array<MaskBit> = []
  const must: Array<MaskBit> = []
  if (facts.withdrawsOnly !== true) {
    care.push(MaskBit.External)
    if (hasBit(sender, MaskBit.External)) must.push(MaskBit.External)
  }
  if (facts.asNumbers) {
    care.push(MaskBit.FourOctetAs)
    if (hasBit(sender, MaskBit.FourOctetAs)) must.push(MaskBit.FourOctetAs)
  }
  if (facts.lengthBytes > facts.plainBytesMax) {
    care.push(MaskBit.ExtendedMessage)
    must.push(MaskBit.ExtendedMessage)
  }
  const held = new Set(facts.families)
  for (const [family, addPath] of FAMILIES) {
    if (!held.has(family)) continue
    care.push(family)
    must.push(family)
    if (addPath === undefined) continue
    care.push(addPath)
    if (hasBit(sender, addPath)) must.push(addPath)
  }
  return { care: maskOf(care), must: maskOf(must) }
}

/** The original's rule in the same terms: everything that the sender negotiated is required, exclusive bits must be equal. */
export const sourceRequirementOf = (sender: Mask): Requirement => ({
  care: { low: (sender.low | SOURCE_EXCLUSIVE.low) >>> 0, high: sender.high },
  must: sender
})

/** Whether the peer can read the bytes as they are. */
export const canPassThrough = (peer: Mask, { care, must }: Requirement): boolean =>
  ((peer.low ^ must.low) & care.low) === 0 && ((peer.high ^ must.high) & care.high) === 0

const SOURCE_EXCLUSIVE = maskOf([MaskBit.External, MaskBit.FourOctetAs])
