// What a session that comes up means to the RIB: the facts of the peer by which its paths are judged, what becomes of attributes on the
// way in, and the parameters that decide what it is told. Everything here comes from the configuration and from what was negotiated.
import { type ExportParameters, NO_ROLE, type PeerFacts, PeerKind } from "../rib/index.ts"
import type { Negotiated } from "../session/index.ts"
import { type Family, parseAddress, RoleValue } from "../wire/index.ts"
import type { Intake } from "./canonical.ts"
import type { PeerConfig, PeerType, RouterConfig } from "./config.ts"
import type { RouterPeer } from "./peer.ts"

/** `rank`: the place of the peer's address among all (RFC 4271 §9.1.2.2 g). */
export const factsOf = (peer: RouterPeer, negotiated: Negotiated, rank: number): PeerFacts => {
  const kind = kindOf(peer.config.type)
  return {
    kind,
    accepts: peer.config.policyOpen || kind !== PeerKind.External,
    routerId: negotiated.remoteId,
    rank,
    asn: negotiated.remoteAs,
    role: negotiated.role?.remote ?? NO_ROLE,
    ownAsAllowed: peer.config.allowOwnAs ?? 0
  }
}

export const intakeOf = (config: RouterConfig, peer: RouterPeer, negotiated: Negotiated): Intake => {
  const role = negotiated.role?.remote ?? NO_ROLE
  // RFC 9234 §5: what comes from above or from beside only goes down from here.
  const isFromAbove = role === RoleValue.Provider || role === RoleValue.Peer || role === RoleValue.RouteServer
  const { localAs } = peer.settings
  return {
    onlyToCustomer: isFromAbove ? negotiated.remoteAs : 0,
    prepended: localAs === config.router.asn ? 0 : localAs,
    peerAddress: peer.address.family === 6 && !isLinkLocal(peer.address.words) ? peer.address.words : []
  }
}

/** `local`: our end of the connection, as `address:port`. */
export const exportParameters = (
  config: RouterConfig,
  peer: RouterPeer,
  local: string,
  negotiated: Negotiated,
  family: Family
): ExportParameters => {
  const kind = kindOf(peer.config.type)
  const { router } = config
  const { localAs } = peer.settings
  const address = parseAddress(addressOf(local))
  const extendedNextHop = family === 0 && negotiated.extendedNextHop === true
  const canBeNextHop = address !== undefined && (address.family === (family === 0 ? 4 : 6) || extendedNextHop)
  return {
    family,
    kind,
    localAs,
    routerAs: localAs === router.asn ? 0 : router.asn,
    overriddenAs: peer.config.asOverride === true ? negotiated.remoteAs : 0,
    role: negotiated.role?.remote ?? NO_ROLE,
    longLived: negotiated.capabilities.some(({ _tag }) => _tag === "LongLivedGracefulRestart"),
    extendedNextHop,
    clusterId: parseAddress(router.id)!.words[0],
    as4: negotiated.as4,
    messageBytesMax: negotiated.extendedMessage ? 65535 : 4096,
    addPathSend: negotiated.addPathSend[family] ? peer.config.addPath.send : 0,
    nextHopSelf: canBeNextHop ? address.words : [],
    open: peer.config.policyOpen || kind !== PeerKind.External
  }
}

/** Our AS number towards a peer. A peer in our own AS has no use for another one. */
export const localAsOf = (config: RouterConfig, peer: PeerConfig): number =>
  peer.type === "external" && peer.localAs !== undefined ? peer.localAs : config.router.asn

export const kindOf = (type: PeerType): PeerKind => {
  switch (type) {
    case "external":
      return PeerKind.External
    case "internal":
      return PeerKind.Internal
    case "route-reflector-client":
      return PeerKind.ReflectorClient
    case "route-server-client":
      return PeerKind.RouteServerClient
  }
}

/** `address` out of `address:port` or `[address%scope]:port`. */
export const addressOf = (endpoint: string): string => {
  if (endpoint.startsWith("[")) return endpoint.slice(1, endpoint.indexOf("]")).replace(/%.*/, "")
  const colon = endpoint.lastIndexOf(":")
  return colon === -1 ? endpoint : endpoint.slice(0, colon)
}

/** fe80::/10, RFC 4291 §2.4. */
const isLinkLocal = (words: ReadonlyArray<number>): boolean => words[0] >>> 22 === 0x3fa
