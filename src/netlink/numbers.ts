// The numbers of rtnetlink that we speak: message types, flags, attributes and errors, under the names the field uses without their
// prefixes. From the kernel's user-space headers (linux/netlink.h, rtnetlink.h, nexthop.h, if_link.h, if_addr.h, neighbour.h).

/** nlmsg_type. */
export const NetlinkType = {
  Noop: 1,
  Error: 2,
  Done: 3,
  Overrun: 4,
  NewLink: 16,
  DelLink: 17,
  GetLink: 18,
  SetLink: 19,
  NewAddress: 20,
  DelAddress: 21,
  GetAddress: 22,
  NewRoute: 24,
  DelRoute: 25,
  GetRoute: 26,
  NewNeighbour: 28,
  DelNeighbour: 29,
  GetNeighbour: 30,
  NewRule: 32,
  DelRule: 33,
  GetRule: 34,
  NewNexthop: 104,
  DelNexthop: 105,
  GetNexthop: 106
} as const

/** nlmsg_flags. Several share a bit: which is meant depends on the message. */
export const NetlinkFlag = {
  Request: 0x1,
  Multi: 0x2,
  Ack: 0x4,
  Echo: 0x8,
  DumpInterrupted: 0x10,
  DumpFiltered: 0x20,
  /** On requests that create. */
  Replace: 0x100,
  Exclusive: 0x200,
  Create: 0x400,
  Append: 0x800,
  /** On GET requests: root and match. */
  Dump: 0x300,
  /** On NLMSG_ERROR: only the header of the request follows. */
  Capped: 0x100,
  /** On NLMSG_ERROR and NLMSG_DONE: extended-ack attributes follow. */
  AckAttributes: 0x200
} as const

/** rtm_type. */
export const RouteType = {
  Unicast: 1,
  Local: 2,
  Broadcast: 3,
  Multicast: 5,
  Blackhole: 6,
  Unreachable: 7,
  Prohibit: 8
} as const
export type RouteType = (typeof RouteType)[keyof typeof RouteType]

/** rtm_protocol and nh_protocol: who put it there. */
export const RouteProtocol = { Unspecified: 0, Redirect: 1, Kernel: 2, Boot: 3, Static: 4, Bgp: 186 } as const

/** Table numbers with a name. */
export const RouteTable = { Default: 253, Main: 254, Local: 255 } as const

/** rtm_scope. */
export const RouteScope = { Universe: 0, Link: 253, Host: 254, Nowhere: 255 } as const

/** rtm_flags, and nh_flags of a nexthop. */
/** RTM_F_*: what hardware has made of a route; above the NexthopFlag bits in the same word. */
export const RouteMessageFlag = { Offload: 0x4000, Trap: 0x8000, OffloadFailed: 0x2000_0000 } as const

export const NexthopFlag = { Dead: 1, Pervasive: 2, Onlink: 4, Offload: 8, LinkDown: 16, Trap: 64 } as const

/** ifi_flags. */
export const LinkFlag = {
  Up: 0x1,
  Broadcast: 0x2,
  Loopback: 0x8,
  Running: 0x40,
  Multicast: 0x1000,
  LowerUp: 0x10000
} as const

/** Multicast groups, by number (RTNLGRP_*). */
export const NetlinkGroup = {
  Link: 1,
  Neighbour: 3,
  Ipv4Address: 5,
  Ipv4Route: 7,
  Ipv4Rule: 8,
  Ipv6Address: 9,
  Ipv6Route: 11,
  Ipv6Rule: 19,
  Nexthop: 32
} as const

/** Attributes, by the message that carries them. */
export const LinkAttribute = {
  Address: 1,
  Name: 3,
  Mtu: 4,
  OperState: 16,
  LinkInfo: 18,
  ExtMask: 29,
  Carrier: 33
} as const
export const LinkInfoAttribute = { Kind: 1, Data: 2 } as const
export const AddressAttribute = { Address: 1, Local: 2, Label: 3, Broadcast: 4, Flags: 8 } as const
export const NeighbourAttribute = { Destination: 1, LinkLayerAddress: 2, Protocol: 12 } as const
export const RouteAttribute = {
  Destination: 1,
  OutInterface: 4,
  Gateway: 5,
  Priority: 6,
  PreferredSource: 7,
  Multipath: 9,
  Table: 15,
  Via: 18,
  NexthopId: 30
} as const
export const NexthopAttribute = {
  Id: 1,
  Group: 2,
  GroupType: 3,
  Blackhole: 4,
  OutInterface: 5,
  Gateway: 6,
  EncapType: 7,
  Encap: 8,
  Master: 10,
  ResilientGroup: 12,
  OperationFlags: 14
} as const
export const ErrorAttribute = { Message: 1, Offset: 2 } as const

/** Address families as rtnetlink numbers them. */
export const ADDRESS_FAMILY_INET = 2
export const ADDRESS_FAMILY_INET6 = 10

/** The errors that rtnetlink answers with. */
export const Errno = {
  EPERM: 1,
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  ERANGE: 34,
  EMSGSIZE: 90,
  EAFNOSUPPORT: 97,
  EADDRNOTAVAIL: 99,
  EOPNOTSUPP: 95,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENOBUFS: 105,
  EHOSTUNREACH: 113
} as const

const NAMES = new Map<number, string>(Object.entries(Errno).map(([name, number]) => [number, name]))

/** `EINVAL` for 22; `errno 222` where we have no name. */
export const errnoName = (errno: number): string => NAMES.get(errno) ?? `errno ${errno}`
