// Capabilities that peers tell each other in their OPENs (RFC 5492), by code. What we do not know is kept as bytes and means nothing;
// what we know but cannot read is `undefined`, and the OPEN that holds it is refused (RFC 4271 §6.2).
import { putU16, putU32, u16, u32 } from "./address.ts"
import { familyText } from "./family.ts"
import { decodeUtf8, encodeUtf8 } from "./text.ts"

export const CapabilityCode = {
  Multiprotocol: 1,
  RouteRefresh: 2,
  ExtendedNextHop: 5,
  ExtendedMessage: 6,
  Role: 9,
  GracefulRestart: 64,
  FourOctetAs: 65,
  AddPath: 69,
  EnhancedRouteRefresh: 70,
  LongLivedGracefulRestart: 71,
  Fqdn: 73,
  SoftwareVersion: 75
} as const

interface WireFamily {
  readonly afi: number
  readonly safi: number
}

/** RFC 7911 §4: as the sender of the capability sees it. */
export const AddPathMode = { Receive: 1, Send: 2, Both: 3 } as const

/** RFC 9234 §4.1: what the sender of the capability is. */
export const RoleValue = { Provider: 0, RouteServer: 1, RouteServerClient: 2, Customer: 3, Peer: 4 } as const

export type Capability =
  | { readonly _tag: "Multiprotocol"; readonly afi: number; readonly safi: number }
  | { readonly _tag: "RouteRefresh" }
  /** RFC 8950 §4: next hops of another family than the prefixes'. */
  | { readonly _tag: "ExtendedNextHop"; readonly families: ReadonlyArray<WireFamily & { readonly nextHopAfi: number }> }
  | { readonly _tag: "ExtendedMessage" }
  | { readonly _tag: "Role"; readonly role: number }
  | {
      readonly _tag: "GracefulRestart"
      readonly restarting: boolean
      /** The N bit: NOTIFICATIONs end gracefully too (RFC 8538). */
      readonly notification: boolean
      readonly timeS: number
      readonly families: ReadonlyArray<WireFamily & { readonly forwarding: boolean }>
    }
  | { readonly _tag: "FourOctetAs"; readonly asn: number }
  | { readonly _tag: "AddPath"; readonly families: ReadonlyArray<WireFamily & { readonly mode: number }> }
  | { readonly _tag: "EnhancedRouteRefresh" }
  | {
      readonly _tag: "LongLivedGracefulRestart"
      readonly families: ReadonlyArray<WireFamily & { readonly forwarding: boolean; readonly timeS: number }>
    }
  | { readonly _tag: "Fqdn"; readonly host: string; readonly domain: string }
  | { readonly _tag: "SoftwareVersion"; readonly version: string }
  | { readonly _tag: "Unknown"; readonly code: number; readonly value: Uint8Array }

/** `undefined`: we know the code, but this is not what its specification describes. */
export const decodeCapability = (code: number, value: Uint8Array): Capability | undefined => {
  switch (code) {
    case CapabilityCode.Multiprotocol:
      return value.length === 4 ? { _tag: "Multiprotocol", afi: u16(value, 0), safi: value[3] } : undefined
    case CapabilityCode.RouteRefresh:
      return value.length === 0 ? { _tag: "RouteRefresh" } : undefined
    case CapabilityCode.ExtendedNextHop:
      return value.length % 6 === 0 ? decodeExtendedNextHop(value) : undefined
    case CapabilityCode.ExtendedMessage:
      return value.length === 0 ? { _tag: "ExtendedMessage" } : undefined
    case CapabilityCode.Role:
      return value.length === 1 ? { _tag: "Role", role: value[0] } : undefined
    case CapabilityCode.GracefulRestart:
      return value.length >= 2 && (value.length - 2) % 4 === 0 ? decodeGracefulRestart(value) : undefined
    case CapabilityCode.FourOctetAs:
      return value.length === 4 ? { _tag: "FourOctetAs", asn: u32(value, 0) } : undefined
    case CapabilityCode.AddPath:
      return value.length % 4 === 0 ? decodeAddPath(value) : undefined
    case CapabilityCode.EnhancedRouteRefresh:
      return value.length === 0 ? { _tag: "EnhancedRouteRefresh" } : undefined
    case CapabilityCode.LongLivedGracefulRestart:
      return value.length % 7 === 0 ? decodeLongLived(value) : undefined
    case CapabilityCode.Fqdn:
      return decodeFqdn(value)
    case CapabilityCode.SoftwareVersion:
      return decodeSoftwareVersion(value)
    default:
      return { _tag: "Unknown", code, value }
  }
}

const decodeGracefulRestart = (value: Uint8Array): Capability => ({
  _tag: "GracefulRestart",
  restarting: (value[0] & 0x80) !== 0,
  notification: (value[0] & 0x40) !== 0,
  timeS: u16(value, 0) & 0x0fff,
  families: records(value, 2, 4, (at) => ({
    afi: u16(value, at),
    safi: value[at + 2],
    forwarding: (value[at + 3] & 0x80) !== 0
  }))
})

/** RFC 7911 §4: with a mode outside 1 to 3 the capability counts as not understood. */
const decodeAddPath = (value: Uint8Array): Capability => {
  const families = records(value, 0, 4, (at) => ({ afi: u16(value, at), safi: value[at + 2], mode: value[at + 3] }))
  return families.every(({ mode }) => mode >= 1 && mode <= 3)
    ? { _tag: "AddPath", families }
    : { _tag: "Unknown", code: CapabilityCode.AddPath, value }
}

const decodeLongLived = (value: Uint8Array): Capability => ({
  _tag: "LongLivedGracefulRestart",
  families: records(value, 0, 7, (at) => ({
    afi: u16(value, at),
    safi: value[at + 2],
    forwarding: (value[at + 3] & 0x80) !== 0,
    timeS: u32(value, at + 3) & 0xff_ffff
  }))
})

/** RFC 8950 §4: unlike elsewhere, the SAFI has two octets. */
const decodeExtendedNextHop = (value: Uint8Array): Capability => ({
  _tag: "ExtendedNextHop",
  families: records(value, 0, 6, (at) => ({
    afi: u16(value, at),
    safi: u16(value, at + 2),
    nextHopAfi: u16(value, at + 4)
  }))
})

const records = <A>(value: Uint8Array, from: number, size: number, read: (at: number) => A): ReadonlyArray<A> => {
  const found: Array<A> = []
  for (let at = from; at < value.length; at += size) found.push(read(at))
  return found
}

/** Two texts, each behind its length. The name is for people: text that is not UTF-8 is shown as far as it is ASCII. */
const decodeFqdn = (value: Uint8Array): Capability | undefined => {
  const hostEnd = value.length === 0 ? 0 : 1 + value[0]
  if (hostEnd === 0 || hostEnd >= value.length || hostEnd + 1 + value[hostEnd] !== value.length) return undefined
  return { _tag: "Fqdn", host: textOf(value.subarray(1, hostEnd)), domain: textOf(value.subarray(hostEnd + 1)) }
}

/** For people only: one that is not as its draft says is no reason to refuse anybody. */
const decodeSoftwareVersion = (value: Uint8Array): Capability =>
  value.length > 0 && value[0] === value.length - 1
    ? { _tag: "SoftwareVersion", version: textOf(value.subarray(1)) }
    : { _tag: "Unknown", code: CapabilityCode.SoftwareVersion, value }

const textOf = (bytes: Uint8Array): string =>
  decodeUtf8(bytes) ?? String.fromCharCode(...bytes.map((byte) => (byte < 0x80 ? byte : QUESTION_MARK)))

const QUESTION_MARK = 0x3f

export const codeOfCapability = (capability: Capability): number =>
  capability._tag === "Unknown" ? capability.code : CapabilityCode[capability._tag]

/** The value, without code and length. */
export const encodeCapability = (capability: Capability): Uint8Array => {
  switch (capability._tag) {
    case "Multiprotocol":
      return Uint8Array.of(capability.afi >> 8, capability.afi, 0, capability.safi)
    case "ExtendedNextHop":
      return Uint8Array.from(
        capability.families.flatMap(({ afi, safi, nextHopAfi }) =>
          [afi, safi, nextHopAfi].flatMap((word) => [word >> 8, word])
        )
      )
    case "Role":
      return Uint8Array.of(capability.role)
    case "FourOctetAs": {
      const value = new Uint8Array(4)
      putU32(value, 0, capability.asn)
      return value
    }
    case "GracefulRestart":
      return encodeGracefulRestart(capability)
    case "AddPath":
      return Uint8Array.from(capability.families.flatMap(({ afi, safi, mode }) => [afi >> 8, afi, safi, mode]))
    case "LongLivedGracefulRestart":
      return Uint8Array.from(
        capability.families.flatMap(({ afi, safi, forwarding, timeS }) => {
          const flags = forwarding ? 0x80 : 0
          return [afi >> 8, afi, safi, flags, timeS >> 16, timeS >> 8, timeS]
        })
      )
    case "Fqdn": {
      // A host and a domain of the longest kind do not fit together.
      const host = encodeUtf8(capability.host, 126)
      const domain = encodeUtf8(capability.domain, 126)
      return Uint8Array.of(host.length, ...host, domain.length, ...domain)
    }
    case "SoftwareVersion": {
      const version = encodeUtf8(capability.version, SOFTWARE_VERSION_BYTES_MAX)
      return Uint8Array.of(version.length, ...version)
    }
    case "Unknown":
      return capability.value
    default:
      return new Uint8Array(0)
  }
}

/** draft-abraitis-bgp-version-capability §3. */
const SOFTWARE_VERSION_BYTES_MAX = 64

const encodeGracefulRestart = (capability: Capability & { readonly _tag: "GracefulRestart" }): Uint8Array => {
  const value = new Uint8Array(2 + capability.families.length * 4)
  const flags = (capability.restarting ? 0x8000 : 0) | (capability.notification ? 0x4000 : 0)
  putU16(value, 0, flags | (capability.timeS & 0x0fff))
  capability.families.forEach(({ afi, safi, forwarding }, index) => {
    value.set([afi >> 8, afi, safi, forwarding ? 0x80 : 0], 2 + index * 4)
  })
  return value
}

/** Short names for people, one per capability, families and numbers included. */
export const capabilityNames = (capabilities: ReadonlyArray<Capability>): ReadonlyArray<string> =>
  capabilities.map(capabilityName)

const capabilityName = (capability: Capability): string => {
  switch (capability._tag) {
    case "Multiprotocol":
      return `multiprotocol ${familyText(capability.afi, capability.safi)}`
    case "RouteRefresh":
      return "route-refresh"
    case "ExtendedNextHop":
      return `extended-next-hop ${capability.families.map((one) => `${familyText(one.afi, one.safi)} via ${AFI_NAMES[one.nextHopAfi] ?? one.nextHopAfi}`).join(", ")}`
    case "ExtendedMessage":
      return "extended-message"
    case "Role":
      return `role ${ROLE_NAMES[capability.role] ?? capability.role}`
    case "GracefulRestart":
      return `graceful-restart ${capability.timeS} s`
    case "FourOctetAs":
      return `4-octet-as ${capability.asn}`
    case "AddPath":
      return `add-path ${capability.families.map((one) => `${familyText(one.afi, one.safi)} ${MODE_NAMES[one.mode]}`).join(", ")}`
    case "EnhancedRouteRefresh":
      return "enhanced-route-refresh"
    case "LongLivedGracefulRestart":
      return "long-lived-graceful-restart"
    case "Fqdn":
      return `fqdn ${[capability.host, capability.domain].filter((part) => part !== "").join(".")}`
    case "SoftwareVersion":
      return `software-version ${capability.version}`
    case "Unknown":
      return `capability ${capability.code}`
  }
}

const ROLE_NAMES = ["provider", "route-server", "route-server-client", "customer", "peer"]
const AFI_NAMES = ["", "ipv4", "ipv6"]
const MODE_NAMES = ["", "receive", "send", "send and receive"]
