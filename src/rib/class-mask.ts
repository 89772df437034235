// The capability mask of an export class, and of the session that a message came from (buffers/mask.ts). Families that the original has no
// bit for are told apart by where a message is looked for, and their path identifiers by the message's own flag.
import { type Mask, MaskBit } from "../buffers/index.ts"
import { MESSAGE_BYTES_MAX } from "../machine/index.ts"
import { Family } from "../wire/index.ts"
import { isOutside } from "./peers.ts"
import type { ExportParameters } from "./transform.ts"

const NONE = -1

/** By family: its bit and that of its path identifiers. */
const BITS: Readonly<Partial<Record<Family, readonly [family: MaskBit, addPath: MaskBit | typeof NONE]>>> = {
  [Family.Ipv4Unicast]: [MaskBit.Ipv4Unicast, MaskBit.AddPathIpv4Unicast],
  [Family.Ipv6Unicast]: [MaskBit.Ipv6Unicast, MaskBit.AddPathIpv6Unicast],
  [Family.Ipv4Multicast]: [MaskBit.Ipv4Multicast, MaskBit.AddPathIpv4Multicast],
  [Family.Ipv6Multicast]: [MaskBit.Ipv6Multicast, MaskBit.AddPathIpv6Multicast],
  [Family.Ipv4Vpn]: [MaskBit.Vpnv4, MaskBit.AddPathVpnv4],
  [Family.Ipv6Vpn]: [MaskBit.Vpnv6, MaskBit.AddPathVpnv6],
  [Family.Evpn]: [MaskBit.Evpn, MaskBit.AddPathEvpn],
  [Family.Ipv4Flow]: [MaskBit.FlowSpecv4, MaskBit.AddPathFlowSpec],
  [Family.Ipv6Flow]: [MaskBit.FlowSpecv6, MaskBit.AddPathFlowSpec],
  [Family.LinkState]: [MaskBit.BgpLs, NONE]
}

/** The family's bit, in the low and in the high word; 0 where it has none. */
export const familyLowOf = (family: number): number => {
  const bit = BITS[family as Family]?.[0] ?? 32
  return bit < 32 ? (1 << bit) >>> 0 : 0
}

export const familyHighOf = (family: number): number => {
  const bit = BITS[family as Family]?.[0] ?? 0
  return bit < 32 ? 0 : 1 << (bit - 32)
}

/** The low bit of its path identifiers; 0 where it has none. */
export const addPathBitOf = (family: number): number => {
  const bit = BITS[family as Family]?.[1] ?? NONE
  return bit === NONE ? 0 : 1 << bit
}

/** What the members of a class can read, as the mask of their sessions has it. */
export const maskOfClass = (to: ExportParameters, mask: { low: number; high: number }): void => {
  let low = familyLowOf(to.family)
  if (isOutside(to.kind)) low |= 1 << MaskBit.External
  if (to.as4) low |= 1 << MaskBit.FourOctetAs
  if (to.messageBytesMax > MESSAGE_BYTES_MAX) low |= 1 << MaskBit.ExtendedMessage
  if (to.addPathSend > 0) low |= addPathBitOf(to.family)
  mask.low = low >>> 0
  mask.high = familyHighOf(to.family)
}

/** The mask of a session, as its receiver sees it. `external`: beyond our AS, and our confederation if we are in one. */
export const maskOfSession = (
  external: boolean,
  as4: boolean,
  extended: boolean,
  families: ReadonlyArray<number>,
  addPath: ReadonlyArray<boolean>
): Mask => {
  let low = external ? 1 << MaskBit.External : 0
  let high = 0
  if (as4) low |= 1 << MaskBit.FourOctetAs
  if (extended) low |= 1 << MaskBit.ExtendedMessage
  for (const family of families) {
    low |= familyLowOf(family) | (addPath[family] ? addPathBitOf(family) : 0)
    high |= familyHighOf(family)
  }
  return { low: low >>> 0, high }
}
