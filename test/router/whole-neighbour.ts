// A neighbour of the whole router's bench as the router is told of it: what the configuration says, and what it says itself in its OPEN.
import type { PeerConfig } from "../../src/router/index.ts"
import { type Capability, encodeOpen } from "../../src/wire/index.ts"
import { peerConfig } from "./driver.ts"
import type { Neighbour } from "./whole-model.ts"

const RESTART_S = 4000

const TYPES = {
  external: "external",
  member: "external",
  internal: "internal",
  client: "route-reflector-client",
  served: "route-server-client"
} as const
const FAMILIES = ["ipv4-unicast", "ipv6-unicast"] as const

export const configFor = (one: Neighbour): PeerConfig =>
  peerConfig(one.address, one.asn, {
    type: TYPES[one.kind],
    families: one.families.map((family) => FAMILIES[family]),
    addPath: { receive: one.sendsIds, send: one.paths },
    extendedMessage: one.extended,
    policyOpen: one.open,
    weight: one.weight,
    nextHop: "2001:db8::fe",
    nextHopSelf: one.nextHopSelf,
    asOverride: one.overrides,
    allowOwnAs: one.ownAsAllowed,
    idleHold: 0,
    damping: false,
    ...(one.localAs === undefined ? {} : { localAs: one.localAs }),
    ...(one.graceful ? { gracefulRestart: { helper: true, restartTime: 0, longLivedTime: 0 } } : {})
  })

/** `forwarding`: it says that it has kept its state over its restart. */
export const openFor = (one: Neighbour, forwarding: boolean): Uint8Array => {
  const families = one.families.map((family) => ({ afi: family + 1, safi: 1 }))
  const mode = (one.sendsIds ? 2 : 0) + (one.paths > 0 ? 1 : 0)
  const held = families.map((family) => ({ ...family, forwarding }))
  const restart = { restarting: true, notification: false, timeS: RESTART_S, families: held }
  const capabilities: ReadonlyArray<Capability> = [
    ...families.map((family) => ({ _tag: "Multiprotocol", ...family }) as const),
    { _tag: "RouteRefresh" },
    ...(one.as4 ? [{ _tag: "FourOctetAs", asn: one.asn } as const] : []),
    ...(one.extended ? [{ _tag: "ExtendedMessage" } as const] : []),
    ...(mode > 0 ? [{ _tag: "AddPath", families: families.map((each) => ({ ...each, mode })) } as const] : []),
    ...(one.graceful ? [{ _tag: "GracefulRestart", ...restart } as const] : []),
    ...(one.marks ? [{ _tag: "EnhancedRouteRefresh" } as const] : [])
  ]
  const asn = one.asn > 0xffff ? 23456 : one.asn
  return encodeOpen({ version: 4, asn, holdTime: 90, id: one.id, capabilities })
}
