// The address families that we speak, as small numbers that index everything kept per family, and their names on the wire
// (RFC 4760 §5, IANA "Address Family Numbers").

export const Family = { Ipv4Unicast: 0, Ipv6Unicast: 1 } as const
export type Family = (typeof Family)[keyof typeof Family]

export const FAMILY_NAMES = ["ipv4-unicast", "ipv6-unicast"] as const

export const Afi = { Ipv4: 1, Ipv6: 2 } as const
export const Safi = { Unicast: 1, Multicast: 2 } as const

/** No family: nothing of the kind is there. */
export const FAMILY_ABSENT = -1
/** A family that we do not speak. */
export const FAMILY_UNKNOWN = -2

export const afiOf = (family: number): number => (family === Family.Ipv4Unicast ? Afi.Ipv4 : Afi.Ipv6)

export const safiOf = (_family: number): number => Safi.Unicast

/** -1: not a family that we speak. */
export const familyOf = (afi: number, safi: number): Family | -1 => {
  if (safi !== Safi.Unicast) return -1
  return afi === Afi.Ipv4 ? Family.Ipv4Unicast : afi === Afi.Ipv6 ? Family.Ipv6Unicast : -1
}

/** Text for any family on the wire; numbers where we have no name. */
export const familyText = (afi: number, safi: number): string => {
  const family = familyOf(afi, safi)
  return family === -1 ? `${afi}/${safi}` : FAMILY_NAMES[family]
}
