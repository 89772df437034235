// The address families that we speak, as small numbers that index everything kept per family, and their names on the wire
// (RFC 4760 §5, IANA "Address Family Numbers" and "SAFI Values"). The first two are routed; the others are carried: learned, chosen
// and told on as bytes whose structure only `opaque-nlri.ts` knows.

export const Family = {
  Ipv4Unicast: 0,
  Ipv6Unicast: 1,
  Ipv4Multicast: 2,
  Ipv6Multicast: 3,
  Ipv4Labelled: 4,
  Ipv6Labelled: 5,
  Ipv4Vpn: 6,
  Ipv6Vpn: 7,
  Evpn: 8,
  Ipv4Flow: 9,
  Ipv6Flow: 10,
  Ipv4FlowVpn: 11,
  Ipv6FlowVpn: 12,
  LinkState: 13
} as const
export type Family = (typeof Family)[keyof typeof Family]

/** The families whose routes are forwarded by. */
export type RoutedFamily = 0 | 1

export const FAMILY_NAMES = [
  "ipv4-unicast",
  "ipv6-unicast",
  "ipv4-multicast",
  "ipv6-multicast",
  "ipv4-labelled",
  "ipv6-labelled",
  "ipv4-vpn",
  "ipv6-vpn",
  "l2vpn-evpn",
  "ipv4-flowspec",
  "ipv6-flowspec",
  "ipv4-flowspec-vpn",
  "ipv6-flowspec-vpn",
  "link-state"
] as const
export type FamilyName = (typeof FAMILY_NAMES)[number]

export const FAMILY_COUNT: number = FAMILY_NAMES.length
export const FAMILIES_ALL: ReadonlyArray<Family> = Object.values(Family)

export const Afi = { Ipv4: 1, Ipv6: 2, L2vpn: 25, LinkState: 16388 } as const
export const Safi = {
  Unicast: 1,
  Multicast: 2,
  Labelled: 4,
  Evpn: 70,
  LinkState: 71,
  Vpn: 128,
  Flow: 133,
  FlowVpn: 134
} as const

const AFIS: ReadonlyArray<number> = [1, 2, 1, 2, 1, 2, 1, 2, 25, 1, 2, 1, 2, 16388]
const SAFIS: ReadonlyArray<number> = [1, 1, 2, 2, 4, 4, 128, 128, 70, 133, 133, 134, 134, 71]

/** No family: nothing of the kind is there. */
export const FAMILY_ABSENT = -1
/** A family that we do not speak. */
export const FAMILY_UNKNOWN = -2

export const afiOf = (family: number): number => AFIS[family]

export const safiOf = (family: number): number => SAFIS[family]

/** -1: not a family that we speak. */
export const familyOf = (afi: number, safi: number): Family | -1 => {
  if (safi === Safi.Unicast && afi <= Afi.Ipv6 && afi > 0) return (afi - 1) as Family
  for (let family = 2; family < AFIS.length; family++) {
    if (AFIS[family] === afi && SAFIS[family] === safi) return family as Family
  }
  return -1
}

/** Prefixes of this family are routed; those of the others are keys of bytes. */
export const isRouted = (family: number): family is RoutedFamily => family < 2

/** Text for any family on the wire; numbers where we have no name. */
export const familyText = (afi: number, safi: number): string => {
  const family = familyOf(afi, safi)
  return family === -1 ? `${afi}/${safi}` : FAMILY_NAMES[family]
}
