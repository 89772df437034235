// From the configuration as written to the configuration as the router takes it: groups merged, defaults filled in, every text in its
// canonical form. Runs only on what the schema and the cross-checks accepted, so nothing here can fail.
import type { DecisionOptions } from "../rib/index.ts"
import type { OriginatedRoute, PeerConfig, RouterConfig, StaticRoute } from "../router/index.ts"
import type { ConfigFile } from "./file-schema.ts"
import type { DaemonSettings } from "./loaded.ts"
import { resolveFanout } from "./resolve-fanout.ts"
import { resolveKernel } from "./resolve-kernel.ts"
import { resolveDynamic, resolvePeer } from "./resolve-peer.ts"
import { parseCommunity, parseEndpoint, parseHost, parseNetwork, parseRouterId, parseSize, valueOf } from "./values.ts"

export const DEFAULT_SOCKET = "/run/backwalk/control.sock"
const DEFAULT_LISTEN = ["0.0.0.0:179", "[::]:179"]
const DEFAULT_KEEP = "4GiB"

export const resolveRouter = (file: ConfigFile): RouterConfig => ({
  router: { asn: file.router.asn, id: valueOf(parseRouterId(file.router.id)) },
  listen: (file.listen ?? DEFAULT_LISTEN).map((text) => valueOf(parseEndpoint(text)).text),
  ...(file.kernel === undefined ? {} : { kernel: resolveKernel(file.kernel) }),
  ...(file.router.hostname === undefined ? {} : { hostname: file.router.hostname }),
  ...(file.router["software-version"] === undefined ? {} : { softwareVersion: file.router["software-version"] }),
  ...resolveDecision(file.router),
  ...(file.fanout?.serve === undefined && file.fanout?.store === undefined ? {} : { publish: true as const }),
  ...(file.fanout?.follow === undefined ? {} : { follows: true }),
  peers: (file.peers ?? []).map((peer) => resolvePeer(peer, file)),
  ...(file.dynamic === undefined ? {} : { dynamic: resolveDynamic(file.dynamic, file) }),
  static: (file.static ?? []).map(
    (route): StaticRoute => ({
      prefix: valueOf(parseNetwork(route.prefix)),
      via: (route.via ?? []).map((hop) => valueOf(parseHost(hop))),
      ...(route.discard === undefined ? {} : { discard: route.discard }),
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

/** What the router is as a reflector and in a confederation, and how it decides: absent where the file says nothing. */
const resolveDecision = (router: ConfigFile["router"]): Partial<RouterConfig> => {
  const { confederation, "cluster-id": clusterId, "local-preference": localPreference } = router
  const bestPath: DecisionOptions = {
    ...resolveBestPath(router["best-path"] ?? {}),
    ...resolveMultipath(router.multipath)
  }
  return {
    ...(clusterId === undefined ? {} : { clusterId: valueOf(parseRouterId(clusterId)) }),
    ...(confederation === undefined ? {} : { confederation }),
    ...(localPreference === undefined ? {} : { localPreference }),
    ...(Object.keys(bestPath).length === 0 ? {} : { bestPath })
  }
}

const resolveBestPath = (file: NonNullable<ConfigFile["router"]["best-path"]>): DecisionOptions => ({
  ...(file["always-compare-med"] === true ? { alwaysCompareMed: true } : {}),
  ...(file["med-missing-as-worst"] === true ? { medMissingAsWorst: true } : {}),
  ...(file["compare-router-id"] === false ? { preferOlder: true } : {}),
  ...(file["ignore-as-path-length"] === true ? { ignoreAsPathLength: true } : {})
})

const resolveMultipath = (file: ConfigFile["router"]["multipath"]): Pick<DecisionOptions, "multipath"> => {
  if (file === undefined) return {}
  const asked = typeof file === "number" ? { external: file, internal: file } : file
  const { external = 1, internal = 1 } = asked
  if (external === 1 && internal === 1) return {}
  const relaxAsPath = "relax-as-path" in asked && asked["relax-as-path"] === true
  const linkBandwidth = !("link-bandwidth" in asked) || asked["link-bandwidth"] !== false
  return { multipath: { external, internal, relaxAsPath, linkBandwidth } }
}

export const resolveDaemon = (file: ConfigFile): DaemonSettings => ({
  ...resolveFanout(file.fanout, valueOf(parseRouterId(file.router.id))),
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
export const warningsOf = (config: RouterConfig): ReadonlyArray<string> => [
  ...config.peers.flatMap((peer) => warningsOfPeer(`peer ${peer.address}`, peer, config)),
  ...(config.dynamic ?? []).flatMap(({ range, peer }) => warningsOfPeer(`range ${range}`, peer, config))
]

const warningsOfPeer = (
  who: string,
  peer: PeerConfig,
  { kernel, confederation }: RouterConfig
): ReadonlyArray<string> => {
  const warnings: Array<string> = []
  const isMember = confederation?.members.includes(peer.asn) === true
  if (!peer.policyOpen && peer.type === "external" && !isMember) {
    warnings.push(
      `${who} is external and has no policy: nothing is accepted from it or announced to it (RFC 8212); write \`policy: open\` to pass everything`
    )
  }
  if ((peer.gracefulRestart?.restartTime ?? 0) > 0 && kernel?.onExit === "remove") {
    warnings.push(
      `${who} is asked to keep our routes over a restart, and the kernel is told to remove them: traffic is lost meanwhile; write \`on-exit: keep\`, or \`restart-time: 0\``
    )
  }
  return warnings
}
