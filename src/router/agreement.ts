// What a session that comes up means to the RIB: the facts of the peer by which its paths are judged, what becomes of attributes on the
// way in, and the parameters that decide what it is told. Everything here comes from the configuration and from what was negotiated.
import { type ExportParameters, isOutside, NO_ROLE, type PeerFacts, PeerKind } from "../rib/index.ts"
import type { Negotiated } from "../session/index.ts"
import { type Family, isRouted, parseAddress, RoleValue, type UpdateContext } from "../wire/index.ts"
import type { Intake } from "./canonical.ts"
import type { PeerConfig, PeerType, RouterConfig } from "./config.ts"
import type { RouterPeer } from "./peer.ts"

/** `rank`: the place of the peer's address among all (RFC 4271 §9.1.2.2 g). */
export const factsOf = (config: RouterConfig, peer: RouterPeer, negotiated: Negotiated, rank: number): PeerFacts => {
  const kind = kindOf(config, asMet(peer.config, negotiated))
  return {
    kind,
    accepts: peer.config.policyOpen || kind !== PeerKind.External,
    routerId: negotiated.remoteId,
    rank,
    asn: negotiated.remoteAs,
    role: negotiated.role?.remote ?? NO_ROLE,
    ownAsAllowed: peer.config.allowOwnAs ?? 0,
    weight: peer.config.weight ?? 0
  }
}

export const intakeOf = (config: RouterConfig, peer: RouterPeer, negotiated: Negotiated): Intake => {
  const role = negotiated.role?.remote ?? NO_ROLE
  // RFC 9234 §5: what comes from above or from beside only goes down from here.
  const isFromAbove = role === RoleValue.Provider || role === RoleValue.Peer || role === RoleValue.RouteServer
  const { localAs, usualAs } = ownAsTowards(config, peer, negotiated)
  return {
    onlyToCustomer: isFromAbove ? negotiated.remoteAs : 0,
    prepended: localAs === usualAs ? 0 : localAs,
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
  const kind = kindOf(config, asMet(peer.config, negotiated))
  const { localAs, usualAs } = ownAsTowards(config, peer, negotiated)
  const extendedNextHop = family === 0 && negotiated.extendedNextHop === true
  return {
    family,
    kind,
    localAs,
    routerAs: localAs === usualAs ? 0 : usualAs,
    overriddenAs: peer.config.asOverride === true ? negotiated.remoteAs : 0,
    role: isRouted(family) ? (negotiated.role?.remote ?? NO_ROLE) : NO_ROLE,
    longLived: negotiated.capabilities.some(({ _tag }) => _tag === "LongLivedGracefulRestart"),
    extendedNextHop,
    clusterId: idOf(peer.config.clusterId ?? config.clusterId ?? config.router.id),
    ...(peer.config.nextHopSelf === true && !isOutside(kind) ? { nextHopSelfInside: true } : {}),
    as4: negotiated.as4,
    messageBytesMax: negotiated.extendedMessage ? 65535 : 4096,
    addPathSend: negotiated.addPathSend[family] ? peer.config.addPath.send : 0,
    nextHopSelf: ownNextHop(peer.config, local, family, extendedNextHop),
    open: peer.config.policyOpen || kind !== PeerKind.External
  }
}

/** Of a peer with any AS number, only its OPEN says whether it is one of ours (RFC 4271 §1.1). */
export const typeOf = (peer: PeerConfig, negotiated: Negotiated | undefined): PeerType =>
  negotiated?.external === false && peer.type === "external" ? "internal" : peer.type

const asMet = (peer: PeerConfig, negotiated: Negotiated): Pick<PeerConfig, "type" | "asn"> => ({
  type: typeOf(peer, negotiated),
  asn: peer.asn === 0 ? negotiated.remoteAs : peer.asn
})

/** Our AS number on the session, and what it would be if the peer's configuration did not name one. */
const ownAsTowards = (config: RouterConfig, { config: peer }: RouterPeer, negotiated: Negotiated) => {
  const met = asMet(peer, negotiated)
  return { localAs: localAsOf(config, { ...met, localAs: peer.localAs }), usualAs: localAsOf(config, met) }
}

/** The one that the configuration names, else our end of the connection, where the family can have it as a next hop. */
const ownNextHop = (
  config: PeerConfig,
  local: string,
  family: Family,
  extendedNextHop: boolean
): ReadonlyArray<number> => {
  const candidates = [config.nextHop ?? "", addressOf(local)].map(parseAddress)
  const ownFamily = family === 0 ? 4 : 6
  const usable = candidates.filter((each) => each !== undefined && (each.family === ownFamily || extendedNextHop))
  return (usable.find((each) => each?.family === ownFamily) ?? usable[0])?.words ?? []
}

/** Who we are towards a peer, as far as the configuration says. */
type Neighbour = Pick<PeerConfig, "type" | "asn"> & { readonly localAs?: number | undefined }

/** Our AS number towards a peer. A peer in our own AS has no use for another one; who is outside of our confederation knows only that. */
export const localAsOf = (config: RouterConfig, peer: Neighbour): number => {
  const kind = kindOf(config, peer)
  if (kind === PeerKind.External && peer.localAs !== undefined) return peer.localAs
  return isOutside(kind) ? (config.confederation?.identifier ?? config.router.asn) : config.router.asn
}

/** Where a peer is, as far as it decides what an UPDATE may hold. */
export const originOf = (
  config: RouterConfig,
  peer: RouterPeer,
  negotiated: Negotiated
): Pick<UpdateContext, "external" | "confederation" | "otherMember" | "disables" | "firstAs"> => {
  const kind = kindOf(config, asMet(peer.config, negotiated))
  const external = isOutside(kind)
  // The last family is not given up: then the session has nothing left to say.
  const disables = peer.config.disableFamily === true && negotiated.families.length > 1
  if (external) {
    return { external, disables, ...(peer.config.enforceFirstAs === true ? { firstAs: negotiated.remoteAs } : {}) }
  }
  if (config.confederation === undefined) return { external, disables }
  return {
    external,
    disables,
    confederation: true,
    ...(kind === PeerKind.ConfederationMember ? { otherMember: true } : {})
  }
}

/** Every cluster id under which we reflect. */
export const clusterIdsOf = (config: RouterConfig): ReadonlyArray<number> => {
  const peers = [...config.peers, ...(config.dynamic ?? []).map(({ peer }) => peer)]
  const texts = [config.clusterId ?? config.router.id, ...peers.map(({ clusterId }) => clusterId)]
  return [...new Set(texts.filter((text) => text !== undefined))].map(idOf)
}

const idOf = (text: string): number => parseAddress(text)!.words[0]

export const kindOf = (config: RouterConfig, { type, asn }: Pick<PeerConfig, "type" | "asn">): PeerKind => {
  switch (type) {
    case "external":
      return config.confederation?.members.includes(asn) === true ? PeerKind.ConfederationMember : PeerKind.External
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
export const isLinkLocal = (words: ReadonlyArray<number>): boolean => words[0] >>> 22 === 0x3fa
