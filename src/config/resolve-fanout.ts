// The `fanout` section as the daemon takes it. Runs only on what the schema and the cross-checks accepted.
import type { FanoutSection, TlsSection } from "./fanout-schema.ts"
import type {
  DaemonSettings,
  FanoutFollowSettings,
  FanoutServeSettings,
  FanoutStoreSettings,
  TlsFiles
} from "./loaded.ts"
import { hostAddress, isLoopback, parseEndpoint, parseHubEndpoint, parseSeconds, valueOf } from "./values.ts"

export const resolveFanout = (file: FanoutSection | undefined, routerId: string): Pick<DaemonSettings, "fanout"> =>
  file === undefined
    ? {}
    : {
        fanout: {
          serve: file.serve === undefined ? undefined : resolveServe(file.serve),
          follow: file.follow === undefined ? undefined : resolveFollow(file.follow),
          store: file.store === undefined ? undefined : resolveStore(file.store, routerId, file.serve !== undefined)
        }
      }

const resolveServe = (serve: NonNullable<FanoutSection["serve"]>): FanoutServeSettings => {
  const { rebalance, "max-clients": most } = serve
  return {
    listen: serve.listen.map((each) => valueOf(parseEndpoint(each)).text),
    tls: resolveTls(serve.tls),
    timers: Object.fromEntries(
      Object.entries(TIMERS).flatMap(([key, name]) => {
        const value = serve[key as keyof typeof TIMERS]
        return value === undefined ? [] : [[name, valueOf(parseSeconds(0, 36_000)(value)) * 1000]]
      })
    ),
    streams: serve.streams ?? ["felix"],
    compression: serve.compression ?? true,
    limit:
      rebalance === undefined && most === undefined
        ? undefined
        : {
            hubs: rebalance?.hubs ?? 1,
            nodes: rebalance?.nodes ?? 0,
            streams: rebalance?.connections ?? 1,
            lower: rebalance?.least ?? 100,
            upper: most ?? 10_000
          }
  }
}

/** By the key of the file: the server's name for it. */
const TIMERS = {
  "handshake-timeout": "handshakeTimeoutMs",
  "ping-interval": "pingIntervalMs",
  "pong-timeout": "pongTimeoutMs",
  "write-timeout": "writeTimeoutMs",
  "max-fall-behind": "maxFallBehindMs",
  "grace-period": "gracePeriodMs",
  "drain-timeout": "drainTimeoutMs"
} as const

const resolveFollow = (follow: NonNullable<FanoutSection["follow"]>): FanoutFollowSettings => ({
  hubs: follow.hubs.map((hub) => {
    const { host, port } = valueOf(parseHubEndpoint(typeof hub === "string" ? hub : hub.address))
    const address = hostAddress(host)
    const isHere = host === "localhost" || (address !== undefined && isLoopback(address))
    return { host, port, isLocal: (typeof hub === "string" ? undefined : hub.local) ?? isHere }
  }),
  tls: resolveTls(follow.tls),
  compression: follow.compression ?? true,
  stream: follow.stream ?? "",
  staleAfterMs: valueOf(parseSeconds(0, 604_800)(follow["stale-after"] ?? 300)) * 1000,
  withdrawStale: follow["withdraw-stale"] ?? false
})

/** Whoever names a store wants to put into it what it chose, and to serve what is in it if it serves at all. */
const resolveStore = (
  store: NonNullable<FanoutSection["store"]>,
  routerId: string,
  isServing: boolean
): FanoutStoreSettings => ({
  endpoints: store.etcd,
  name: store.name ?? routerId,
  publish: store.publish ?? true,
  serve: isServing && (store.serve ?? true),
  pass: store.pass ?? [],
  leaseS: valueOf(parseSeconds(2, 3600)(store.lease ?? 15)),
  tls: store.tls
})

const resolveTls = (tls: TlsSection | undefined): TlsFiles | undefined =>
  tls && {
    certificate: tls.certificate,
    key: tls.key,
    authority: tls.authority,
    commonName: tls["common-name"] ?? "",
    uri: tls.uri ?? ""
  }
