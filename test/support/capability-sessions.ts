// The sessions of a capability laboratory: one Backwalk and one daemon of somebody else's, joined by as many sessions as there are things
// to agree on, each between addresses of its own on the same link. One start of each daemon serves all of them.
import { LINK, OUR_AS, THEIR_AS } from "./interop-lab.ts"

export type FamilyName = "ipv4-unicast" | "ipv6-unicast"

/** What a session wants of the other side beyond being there. */
export interface TheirOptions {
  readonly password?: string
  readonly ttlSecurity?: boolean
  /** Without the capability for four-octet AS numbers. */
  readonly twoOctetAs?: boolean
  readonly addPathSend?: boolean
  readonly extendedNextHop?: boolean
  readonly holdTimeS?: number
  /** What they are to us, in the words of RFC 9234. */
  readonly role?: "provider" | "customer" | "peer"
  readonly gracefulRestart?: boolean
  /** A NOTIFICATION leaves the routes where they are (RFC 8538). */
  readonly notification?: boolean
  readonly longLived?: boolean
  /** Their AS number in this session. */
  readonly localAs?: number
  /** A route of IPv4 that they announce in this session alone. */
  readonly only?: OnlyRoute
}

export interface OnlyRoute {
  readonly prefix: string
  /** As many communities, of 12 bytes each: `65000:1:1`, `65000:1:2`, … */
  readonly largeCommunities?: number
  /** Stands behind their own in the AS_PATH. */
  readonly prepend?: number
}

export interface LabSession {
  readonly name: string
  /** Makes the addresses and the names in configurations. */
  readonly number: number
  readonly ours: string
  readonly theirs: string
  readonly transport: 4 | 6
  readonly families: ReadonlyArray<FamilyName>
  /** Addresses of IPv6 for next hops, whatever the session runs over. */
  readonly ours6: string
  readonly theirs6: string
  readonly isLinkLocal: boolean
  /** They connect, we wait. */
  readonly weWait: boolean
  /** They are nobody that we know by address. */
  readonly isDynamic: boolean
  /** Keys of the peer in our configuration. */
  readonly options: Readonly<Record<string, unknown>>
  readonly their: TheirOptions
}

/** Nothing is sent but for a reason while a test counts messages: keepalives are minutes away. */
export const QUIET_HOLD_S = 600
/** How long a peer waits for the one that restarts. */
export const RESTART_S = 8
export const LONG_LIVED_S = 120
export const PASSWORD = "shared-by-both"

const LARGE_AS = 4_200_000_001
export const BEHIND_LARGE_AS = "100.67.0.0/24"
export const BEHIND_OTHER_AS = "100.67.2.0/24"
export const OF_LARGE_AS = "100.67.1.0/24"
export const THEIR_BIG_ROUTE = "100.66.0.0/24"
export const OUR_BIG_ROUTE = "100.66.1.0/24"
export const FROM_PROVIDER = "100.69.0.0/24"
/** None of these goes to a session that is not named for it. */
export const ONLY_SOMEWHERE = [BEHIND_LARGE_AS, BEHIND_OTHER_AS, OF_LARGE_AS, THEIR_BIG_ROUTE, FROM_PROVIDER]

const IPV4: ReadonlyArray<FamilyName> = ["ipv4-unicast"]
const IPV6: ReadonlyArray<FamilyName> = ["ipv6-unicast"]

interface Wanted {
  readonly name: string
  readonly transport?: 4 | 6
  readonly isLinkLocal?: boolean
  readonly isDynamic?: boolean
  readonly families?: ReadonlyArray<FamilyName>
  readonly weWait?: boolean
  readonly options?: Readonly<Record<string, unknown>>
  readonly their?: TheirOptions
}

/** The same over both transports, from both sides. */
const everyWay = (name: string, rest: Pick<Wanted, "options" | "their">): ReadonlyArray<Wanted> =>
  ([4, 6] as const).flatMap((transport) =>
    [false, true].map((weWait) => ({
      name: `${name}-ipv${transport}-${weWait ? "passive" : "active"}`,
      transport,
      weWait,
      ...rest
    }))
  )

const WANTED: ReadonlyArray<Wanted> = [
  ...everyWay("session", { options: { "extended-message": true } }),
  ...everyWay("md5", { options: { password: PASSWORD }, their: { password: PASSWORD } }),
  ...everyWay("gtsm", { options: { "ttl-security": true }, their: { ttlSecurity: true } }),
  { name: "two-octet-as", their: { twoOctetAs: true, only: { prefix: BEHIND_LARGE_AS, prepend: LARGE_AS + 1 } } },
  { name: "four-octet-as", options: { asn: LARGE_AS }, their: { localAs: LARGE_AS, only: { prefix: OF_LARGE_AS } } },
  {
    name: "two-octets-of-ours",
    options: { "four-octet-as": false },
    their: { only: { prefix: BEHIND_OTHER_AS, prepend: LARGE_AS + 1 } }
  },
  { name: "plain-refresh", options: { "enhanced-refresh": false } },
  {
    name: "big-messages",
    options: { "extended-message": true },
    their: { only: { prefix: THEIR_BIG_ROUTE, largeCommunities: 400 } }
  },
  { name: "both-families", families: [...IPV4, ...IPV6] },
  { name: "link-local-active", transport: 6, isLinkLocal: true },
  { name: "link-local-passive", transport: 6, isLinkLocal: true, weWait: true },
  { name: "dynamic-ipv4", weWait: true, isDynamic: true },
  { name: "dynamic-ipv6", transport: 6, weWait: true, isDynamic: true },
  {
    name: "add-path",
    options: { "add-path": { receive: true }, "allow-own-as": 9 },
    their: { addPathSend: true }
  },
  {
    name: "extended-next-hop",
    transport: 6,
    families: ["ipv4-unicast", "ipv6-unicast"],
    options: { "extended-next-hop": true },
    their: { extendedNextHop: true }
  },
  { name: "hold-time-0", options: { "hold-time": 0 }, their: { holdTimeS: 0 } },
  {
    name: "role",
    options: { role: "customer" },
    their: { role: "provider", only: { prefix: FROM_PROVIDER } }
  },
  { name: "role-provider", options: { role: "provider" }, their: { role: "customer" } },
  { name: "role-peer", options: { role: "peer" }, their: { role: "peer" } },
  { name: "role-mismatch", options: { role: "provider" }, their: { role: "provider" } },
  {
    name: "graceful-restart",
    options: { "graceful-restart": { helper: true, "restart-time": 60 } },
    their: { gracefulRestart: true }
  },
  {
    name: "notified",
    options: { "graceful-restart": { helper: true, "restart-time": 60 } },
    their: { gracefulRestart: true, notification: true }
  },
  {
    name: "long-lived",
    options: { "graceful-restart": { helper: true, "restart-time": 1, "long-lived-time": LONG_LIVED_S } },
    their: { gracefulRestart: true, longLived: true }
  }
]

export const SESSIONS: ReadonlyArray<LabSession> = WANTED.map(
  ({ name, transport = 4, families, weWait = false, options = {}, their = {}, ...rest }, at) => {
    const number = at + 1
    const { isLinkLocal = false, isDynamic = false } = rest
    const address = (host: number): string =>
      isLinkLocal ? `fe80::${number}:${host}%${LINK}` : transport === 4 ? `10.78.${number}.${host}` : global6(host)
    const global6 = (host: number): string => `fd78:${number}::${host}`
    const nextHop = transport === 4 && families?.includes("ipv6-unicast") === true ? { "next-hop": global6(1) } : {}
    return {
      name,
      number,
      ours: address(1),
      theirs: address(2),
      ours6: global6(1),
      theirs6: global6(2),
      isLinkLocal,
      transport,
      families: families ?? (transport === 4 ? IPV4 : IPV6),
      weWait,
      isDynamic,
      options: { ...nextHop, ...options },
      their
    }
  }
)

/** The peer as our configuration has it. */
export const ourPeer = (session: LabSession): Readonly<Record<string, unknown>> => ({
  address: session.theirs,
  "local-address": session.ours,
  passive: session.weWait,
  ...settings(session)
})

/** Those of a session whose peers we do not know by address; `ourGroup` is their group. */
export const ourRange = (session: LabSession): Readonly<Record<string, unknown>> => ({
  range: session.transport === 4 ? session.theirs.replace(/\d+$/, "0/24") : `fd78:${session.number}::/64`,
  limit: 1,
  asn: THEIR_AS,
  group: session.name
})

export const ourGroup = (session: LabSession): readonly [string, Readonly<Record<string, unknown>>] => [
  session.name,
  settings(session)
]

const settings = ({ families, options }: LabSession): Readonly<Record<string, unknown>> => ({
  asn: THEIR_AS,
  policy: "open",
  families,
  "hold-time": QUIET_HOLD_S,
  "idle-hold": 1,
  "connect-retry": 1,
  damping: false,
  ...options
})

export const ourRouter = { asn: OUR_AS, id: "10.78.0.1", hostname: "backwalk-lab" }
export const THEIR_ID = "10.78.0.2"

const three = (render: (index: number) => string): ReadonlyArray<string> => [1, 2, 3].map(render)

export const THEIR_ROUTES: Readonly<Record<FamilyName, ReadonlyArray<string>>> = {
  "ipv4-unicast": three((index) => `100.64.${index}.0/24`),
  "ipv6-unicast": three((index) => `2001:db8:64:${index}::/64`)
}

export const OUR_ROUTES: Readonly<Record<FamilyName, ReadonlyArray<string>>> = {
  "ipv4-unicast": three((index) => `100.65.${index}.0/24`),
  "ipv6-unicast": three((index) => `2001:db8:65:${index}::/64`)
}
