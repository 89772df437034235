// A peer as the router takes it, out of what it says itself and what its group says. Settings that few peers have are left out where
// nobody names them: absent means the default, and the recorded configuration stays short.
import { ADD_PATH_ALL, type DynamicPeers, type FamilyName, type PeerConfig, type PeerType } from "../router/index.ts"
import type { ConfigFile, DynamicEntry, PeerEntry, PeerOptions } from "./file-schema.ts"
import { mergeOptions } from "./raw.ts"
import {
  hostAddress,
  parseAnyAsn,
  parseHoldTime,
  parseHost,
  parseNetwork,
  parseNextHop,
  parseRestart,
  parseRouterId,
  parseSeconds,
  valueOf
} from "./values.ts"

export const resolvePeer = (entry: PeerEntry, file: ConfigFile): PeerConfig => {
  const options = mergeOptions(entry, groupOf(entry.group, file)) as PeerOptions
  return peerOf(valueOf(parseHost(entry.address)), options.asn!, options, file)
}

/** Ranges that are not enabled let nobody in. */
export const resolveDynamic = (entries: ReadonlyArray<DynamicEntry>, file: ConfigFile): ReadonlyArray<DynamicPeers> =>
  entries.flatMap((entry) => {
    const { range: text, limit = LIMIT, ...own } = entry
    const options = mergeOptions(own, groupOf(entry.group, file)) as Omit<PeerOptions, "asn"> & {
      readonly asn: number | string
    }
    const range = valueOf(parseNetwork(text))
    const peer = peerOf(range, valueOf(parseAnyAsn(options.asn)), { ...options, asn: null }, file)
    return peer.enabled ? [{ range, limit, peer: { ...peer, passive: true } }] : []
  })

const groupOf = (name: string | undefined, file: ConfigFile): unknown => (name === undefined ? {} : file.groups?.[name])

/** `address` is a peer's address, or the range that peers come from. */
const peerOf = (address: string, asn: number, options: PeerOptions, file: ConfigFile): PeerConfig => {
  const localAddress = options["local-address"]
  return {
    address,
    port: options.port ?? 179,
    asn,
    type: options.type ?? defaultType(asn, file.router.asn),
    name: options.name ?? address,
    localAddress: typeof localAddress === "string" ? valueOf(parseHost(localAddress)) : "",
    passive: options.passive ?? false,
    enabled: options.enabled ?? true,
    families: options.families ?? defaultFamilies(address),
    holdTime: valueOf(parseHoldTime(options["hold-time"] ?? 90)),
    connectRetry: valueOf(parseSeconds(1, 65535)(options["connect-retry"] ?? 120)),
    idleHold: valueOf(parseSeconds(0, 65535)(options["idle-hold"] ?? 5)),
    addPath: { receive: options["add-path"]?.receive ?? false, send: pathsOf(options["add-path"]?.send ?? 0) },
    extendedMessage: options["extended-message"] ?? false,
    password: options.password ?? "",
    ttlSecurity: options["ttl-security"] ?? false,
    multihop: options.multihop ?? 0,
    policyOpen: options.policy === "open",
    maxPrefixes: options["max-prefixes"] ?? 0,
    ...rareOf(options),
    ...gracefulRestartOf(options["graceful-restart"], file)
  }
}

/** Those that are absent unless the file says otherwise. */
const rareOf = (options: PeerOptions): Partial<PeerConfig> => {
  const delayOpen = valueOf(parseSeconds(0, 65535)(options["delay-open"] ?? 0))
  return {
    ...(delayOpen === 0 ? {} : { delayOpen }),
    ...member("openWait", secondsOf(options["open-wait"], 5, 240)),
    ...(options.damping === false ? { damping: false } : {}),
    ...member("interface", options.interface),
    ...member("localAs", options["local-as"]),
    ...member("weight", options.weight === 0 ? null : options.weight),
    ...member("clusterId", options["cluster-id"] && valueOf(parseRouterId(options["cluster-id"]))),
    ...member("nextHop", options["next-hop"] && valueOf(parseNextHop(options["next-hop"]))),
    ...(options["next-hop-self"] === true ? { nextHopSelf: true } : {}),
    ...(options["as-override"] === true ? { asOverride: true } : {}),
    ...member("allowOwnAs", options["allow-own-as"] === 0 ? null : options["allow-own-as"]),
    ...member("role", options.role),
    ...(options["role-strict"] === true ? { roleStrict: true } : {}),
    ...(options["enforce-first-as"] === true ? { enforceFirstAs: true } : {}),
    ...(options["disable-family"] === true ? { disableFamily: true } : {}),
    ...(options["four-octet-as"] === false ? { fourOctetAs: false } : {}),
    ...(options["enhanced-refresh"] === false ? { enhancedRefresh: false } : {}),
    ...(options["extended-next-hop"] === true ? { extendedNextHop: true } : {}),
    ...member("prefixWarningPercent", options["prefix-warning"]),
    ...(options["prefix-restart"] === undefined || options["prefix-restart"] === null
      ? {}
      : { prefixRestart: valueOf(parseRestart(options["prefix-restart"])) })
  }
}

const secondsOf = (value: number | string | null | undefined, least: number, most: number): number | undefined =>
  value === null || value === undefined ? undefined : valueOf(parseSeconds(least, most)(value))

const member = <Name extends keyof PeerConfig>(
  name: Name,
  value: PeerConfig[Name] | null | undefined
): Partial<PeerConfig> => (value === null || value === undefined ? {} : ({ [name]: value } as Partial<PeerConfig>))

/** Peers are asked to wait for us where the kernel goes on forwarding meanwhile, unless the file says how long. */
const gracefulRestartOf = (
  asked: PeerOptions["graceful-restart"],
  { kernel }: ConfigFile
): Pick<PeerConfig, "gracefulRestart"> => {
  if (asked === undefined || asked === null || asked === false) return {}
  const options = asked === true ? {} : asked
  const isKept = kernel !== undefined && (kernel["on-exit"] ?? "keep") === "keep"
  return {
    gracefulRestart: {
      helper: options.helper ?? true,
      restartTime: valueOf(parseSeconds(0, 4095)(options["restart-time"] ?? (isKept ? RESTART_TIME_S : 0))),
      longLivedTime: valueOf(parseSeconds(0, 0xff_ffff)(options["long-lived-time"] ?? 0))
    }
  }
}

const defaultType = (asn: number, ownAsn: number): PeerType => (asn === ownAsn ? "internal" : "external")

/** The family of the session's own addresses: the one for which a next hop exists without being told. */
const defaultFamilies = (address: string): ReadonlyArray<FamilyName> =>
  hostAddress(address.split("/")[0]!)?.family === 6 ? ["ipv6-unicast"] : ["ipv4-unicast"]

/** A restart takes seconds; this is what other daemons ask for. */
const RESTART_TIME_S = 120
/** Peers of a range, where the file says nothing. */
const LIMIT = 100

const pathsOf = (send: number | "all"): number => (send === "all" ? ADD_PATH_ALL : send)
