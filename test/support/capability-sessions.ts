// The sessions of a capability laboratory: one Backwalk and one daemon of somebody else's, joined by as many sessions as there are things
// to agree on, each between addresses of its own on the same link. One start of each daemon serves all of them.
import { OUR_AS, THEIR_AS } from "./interop-lab.ts"

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
  readonly role?: "provider" | "customer"
  readonly gracefulRestart?: boolean
  readonly longLived?: boolean
}

export interface LabSession {
  readonly name: string
  /** Makes the addresses and the names in configurations. */
  readonly number: number
  readonly ours: string
  readonly theirs: string
  readonly transport: 4 | 6
  readonly families: ReadonlyArray<FamilyName>
  /** They connect, we wait. */
  readonly weWait: boolean
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

const IPV4: ReadonlyArray<FamilyName> = ["ipv4-unicast"]
const IPV6: ReadonlyArray<FamilyName> = ["ipv6-unicast"]

interface Wanted {
  readonly name: string
  readonly transport?: 4 | 6
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
  { name: "two-octet-as", their: { twoOctetAs: true } },
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
  { name: "role", options: { role: "customer" }, their: { role: "provider" } },
  { name: "role-mismatch", options: { role: "provider" }, their: { role: "provider" } },
  {
    name: "graceful-restart",
    options: { "graceful-restart": { helper: true, "restart-time": 60 } },
    their: { gracefulRestart: true }
  },
  {
    name: "long-lived",
    options: { "graceful-restart": { helper: true, "long-lived-time": LONG_LIVED_S } },
    their: { gracefulRestart: true, longLived: true }
  }
]

export const SESSIONS: ReadonlyArray<LabSession> = WANTED.map(
  ({ name, transport = 4, families, weWait = false, options = {}, their = {} }, at) => {
    const number = at + 1
    const net = transport === 4 ? `10.78.${number}.` : `fd78:${number}::`
    return {
      name,
      number,
      ours: `${net}1`,
      theirs: `${net}2`,
      transport,
      families: families ?? (transport === 4 ? IPV4 : IPV6),
      weWait,
      options,
      their
    }
  }
)

/** The peer as our configuration has it. */
export const ourPeer = ({
  ours,
  theirs,
  families,
  weWait,
  options
}: LabSession): Readonly<Record<string, unknown>> => ({
  address: theirs,
  "local-address": ours,
  asn: THEIR_AS,
  policy: "open",
  passive: weWait,
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
