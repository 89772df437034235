// From the configuration as written to the configuration as the router takes it: groups merged, defaults filled in, every text in its
// canonical form. Runs only on what the schema and the cross-checks accepted, so nothing here can fail.
import type {
  FamilyName,
  KernelConfig,
  OriginatedRoute,
  PeerConfig,
  PeerType,
  RouterConfig,
  StaticRoute
} from "../router/index.ts"
import { mergeOptions } from "./cross-checks.ts"
import type { ConfigFile, PeerEntry, PeerOptions } from "./file-schema.ts"
import type { DaemonSettings } from "./loaded.ts"
import {
  hostAddress,
  parseCommunity,
  parseEndpoint,
  parseHoldTime,
  parseHost,
  parseNetwork,
  parseRouterId,
  parseSeconds,
  parseSize,
  parseTable,
  valueOf
} from "./values.ts"

export const DEFAULT_SOCKET = "/run/backwalk/control.sock"
const DEFAULT_LISTEN = ["0.0.0.0:179", "[::]:179"]
const DEFAULT_KEEP = "4GiB"

export const resolveRouter = (file: ConfigFile): RouterConfig => ({
  router: { asn: file.router.asn, id: valueOf(parseRouterId(file.router.id)) },
  listen: (file.listen ?? DEFAULT_LISTEN).map((text) => valueOf(parseEndpoint(text)).text),
  ...(file.kernel === undefined ? {} : { kernel: resolveKernel(file.kernel) }),
  peers: (file.peers ?? []).map((peer) => resolvePeer(peer, file)),
  static: (file.static ?? []).map(
    (route): StaticRoute => ({
      prefix: valueOf(parseNetwork(route.prefix)),
      via: route.via.map((hop) => valueOf(parseHost(hop))),
      distance: route.distance ?? 1
    })
  ),
  originate: (file.originate ?? []).map(
    (route): OriginatedRoute => ({
      prefix: valueOf(parseNetwork(route.prefix)),
      communities: (route.communities ?? []).map((community) => valueOf(parseCommunity(community)))
    })
  )
})

export const resolveDaemon = (file: ConfigFile): DaemonSettings => ({
  api: {
    socket: file.api?.socket ?? DEFAULT_SOCKET,
    http: file.api?.http === undefined ? "" : valueOf(parseEndpoint(file.api.http)).text
  },
  log:
    file.log === undefined
      ? undefined
      : { directory: file.log.directory, keepBytes: valueOf(parseSize(file.log.keep ?? DEFAULT_KEEP)) }
})

/** What is allowed and probably not meant; said once, at start and by `check`. */
export const warningsOf = (config: RouterConfig): ReadonlyArray<string> => {
  const silent = config.peers.filter((peer) => !peer.policyOpen && peer.type === "external")
  return silent.map(
    (peer) =>
      `peer ${peer.address} is external and has no policy: nothing is accepted from it or announced to it (RFC 8212); write \`policy: open\` to pass everything`
  )
}

const resolveKernel = (kernel: NonNullable<ConfigFile["kernel"]>): KernelConfig => ({
  table: valueOf(parseTable(kernel.table ?? "main")),
  metric: kernel.metric ?? 20,
  onExit: kernel["on-exit"] ?? "keep",
  model: kernel.model ?? false
})

const resolvePeer = (entry: PeerEntry, file: ConfigFile): PeerConfig => {
  const options = mergeOptions(entry, entry.group === undefined ? {} : file.groups?.[entry.group]) as PeerOptions
  const address = valueOf(parseHost(entry.address))
  const asn = options.asn!
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
    addPath: { receive: options["add-path"]?.receive ?? false, send: options["add-path"]?.send ?? 0 },
    extendedMessage: options["extended-message"] ?? false,
    password: options.password ?? "",
    ttlSecurity: options["ttl-security"] ?? false,
    multihop: options.multihop ?? 0,
    policyOpen: options.policy === "open",
    maxPrefixes: options["max-prefixes"] ?? 0
  }
}

const defaultType = (asn: number, ownAsn: number): PeerType => (asn === ownAsn ? "internal" : "external")

/** The family of the session's own addresses: the one for which a next hop exists without being told. */
const defaultFamilies = (address: string): ReadonlyArray<FamilyName> =>
  hostAddress(address)?.family === 6 ? ["ipv6-unicast"] : ["ipv4-unicast"]
