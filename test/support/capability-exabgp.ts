// ExaBGP as the other end of a capability laboratory. It has no table of its own: it reads orders from one file and writes what it hears to
// another, which is read back as the table.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import { executableOf } from "./available.ts"
import { type CapabilityDriver, type CapabilityPeer, neverAsked } from "./capability-peers.ts"
import {
  type FamilyName,
  type LabSession,
  type OnlyRoute,
  QUIET_HOLD_S,
  RESTART_S,
  THEIR_ID,
  THEIR_ROUTES
} from "./capability-sessions.ts"
import { eventually, type InteropLab, type LabProcess, LINK, OUR_AS, runCommand, THEIR_AS } from "./interop-lab.ts"

const FAILS_ON_MARKS =
  "asked where both offered marks it fails on its own one (`TypeError: 'RouteRefresh' object is not iterable`) and ends the session; with `enhanced-refresh: false` it answers"
const NO_ROLES = "no capability 9 in its OPEN, and none in its sources"
const NO_N_BIT = "its graceful restart capability has no N bit, and its sources no Hard Reset"
const NO_LONG_LIVED = "no capability 71 in its OPEN, and none in its sources"
const NO_SCOPE = "it binds without a scope: `can not bind to fe80::99:2:179 ([Errno 22] Invalid argument)`"

export const exabgpCapabilities: CapabilityDriver = {
  name: "exabgp",
  title: "ExaBGP",
  version: async () => {
    const { stdout, stderr } = await runCommand([executableOf("exabgp"), "--version"])
    return /ExaBGP\s*:\s*(\S+)/.exec(stdout + stderr)?.[1] ?? "?"
  },
  absent: {
    "refresh-asked": FAILS_ON_MARKS,
    "refresh-marks-heard": FAILS_ON_MARKS,
    fqdn: "no capability 73 in its OPEN: the line that adds it is commented out",
    "otc-heard": NO_ROLES,
    "otc-said": NO_ROLES,
    "notification-kept": NO_N_BIT,
    "hard-reset-heard": NO_N_BIT,
    "hard-reset-said": NO_N_BIT,
    "long-lived-own": NO_LONG_LIVED,
    "restart-own": "it has no table in which to keep our routes"
  },
  sessionsWithout: {
    role: NO_ROLES,
    "role-mismatch": NO_ROLES,
    "role-provider": NO_ROLES,
    "role-peer": NO_ROLES,
    "link-local-active": NO_SCOPE,
    "link-local-passive": NO_SCOPE,
    notified: NO_N_BIT,
    "long-lived": NO_LONG_LIVED
  },
  create: (lab, sessions) => new ExaBgp(lab, sessions)
}

interface Routes {
  readonly [family: string]: Readonly<Record<string, ReadonlyArray<{ readonly nlri: string }>>>
}

interface Heard {
  readonly type: string
  readonly neighbor?: {
    readonly address: { readonly peer: string }
    readonly state?: string
    readonly message?: {
      readonly update?: {
        readonly announce?: Routes
        readonly withdraw?: Readonly<Record<string, ReadonlyArray<{ readonly nlri: string }>>>
      }
    }
  }
}

const NAMES = { "ipv4-unicast": "ipv4 unicast", "ipv6-unicast": "ipv6 unicast" } as const

class ExaBgp implements CapabilityPeer {
  private readonly lab: InteropLab
  private readonly sessions: ReadonlyArray<LabSession>
  private announced: Readonly<Record<FamilyName, ReadonlyArray<string>>> = THEIR_ROUTES
  private process: LabProcess | undefined

  constructor(lab: InteropLab, sessions: ReadonlyArray<LabSession>) {
    this.lab = lab
    this.sessions = sessions
  }

  readonly start = async (): Promise<void> => {
    writeFileSync(this.orders, "")
    writeFileSync(this.heardFile, "")
    // A process whose output is closed counts as dead, so the shell stays and keeps it open.
    writeFileSync(this.lab.path("exabgp-hear.sh"), `#!/bin/sh\ncat >> ${this.heardFile}\n`, { mode: 0o755 })
    // Whoever gives orders is told everything too, and must read it: ExaBGP stands still while a pipe to a process is full.
    const orders = `#!/bin/sh\nexec 3<&0\ncat <&3 >/dev/null &\nexec tail -n +1 -f ${this.orders}\n`
    writeFileSync(this.lab.path("exabgp-orders.sh"), orders, { mode: 0o755 })
    writeFileSync(this.lab.path("exabgp.conf"), this.configuration())
    await this.raiseHopLimits()
    const environment = [
      "exabgp.tcp.port=179",
      "exabgp.daemon.user=root",
      "exabgp.daemon.drop=false",
      "exabgp.api.cli=false",
      "exabgp.api.ack=false",
      "exabgp.log.level=INFO"
    ]
    const command = ["env", ...environment, executableOf("exabgp"), this.lab.path("exabgp.conf")]
    this.process = this.lab.start("theirs", "exabgp", command, true)
    this.order(this.sessions.flatMap((session) => this.announcements(session)))
  }

  readonly crash = async (): Promise<void> => this.process?.kill()
  readonly hurry = async (): Promise<void> => undefined

  readonly forget = (prefixes: ReadonlyArray<string>): void => {
    const left = (family: FamilyName) => this.announced[family].filter((prefix) => !prefixes.includes(prefix))
    this.announced = { "ipv4-unicast": left("ipv4-unicast"), "ipv6-unicast": left("ipv6-unicast") }
  }

  readonly isEstablished = async ({ ours }: LabSession): Promise<boolean> =>
    this.heard(ours)
      .filter(({ type }) => type === "state")
      .at(-1)?.neighbor?.state === "up"

  readonly received = async ({ ours }: LabSession, family: FamilyName): Promise<ReadonlySet<string>> => {
    const table = new Set<string>()
    for (const { type, neighbor } of this.heard(ours)) {
      if (type === "state" && neighbor?.state !== "up") table.clear()
      const update = neighbor?.message?.update
      for (const { nlri } of update?.withdraw?.[NAMES[family]] ?? []) table.delete(nlri)
      for (const { nlri } of Object.values(update?.announce?.[NAMES[family]] ?? {}).flat()) table.add(nlri)
    }
    return table
  }

  readonly attributes = async ({ ours }: LabSession, prefix: string): Promise<string> =>
    this.lines()
      .filter((line) => line.includes(`"peer": "${ours}"`) && line.includes(`"nlri": "${prefix}"`))
      .at(-1) ?? ""

  readonly heardMarks = async ({ ours }: LabSession): Promise<boolean> => {
    const types = this.lines().filter(
      (line) => line.includes(`"peer": "${ours}"`) && line.includes('"type": "refresh"')
    )
    return types.some((line) => line.includes("begin")) && types.some((line) => line.includes("end"))
  }
  readonly reset = neverAsked

  readonly askRefresh = async ({ ours, families }: LabSession): Promise<void> =>
    this.order([`neighbor ${ours} announce route-refresh ${NAMES[families[0]]}`])

  /** Its order takes a subcode; the text is its own. */
  readonly shut = async ({ ours }: LabSession): Promise<string> => {
    this.order([`neighbor ${ours} teardown 2`])
    await eventually("ExaBGP to end the session", async () => /"down"/.test(readFileSync(this.heardFile, "utf8")))
    return "Administrative Shutdown"
  }

  readonly reopen = async (): Promise<void> => undefined

  /** It fails on decoding a text (TypeError), and before that it hands on the bytes of the message. */
  readonly diary = async (): Promise<string> => {
    const heard = existsSync(this.heardFile) ? readFileSync(this.heardFile, "utf8") : ""
    const texts = [...heard.matchAll(/"type": "notification".*"body": "0x([\dA-F]*)"/g)].map(([, hex]) =>
      Buffer.from(hex, "hex").toString()
    )
    return `${this.process?.said() ?? ""}${heard}${texts.join("\n")}`
  }

  /** Routes of IPv4 with a next hop of IPv6 are written out; with ADD-PATH each is announced twice. */
  private announcements({ ours, theirs6, families, transport, their }: LabSession): ReadonlyArray<string> {
    return families
      .flatMap((family) =>
        this.announced[family].flatMap((prefix) => {
          const nextHop = transport === 6 || family === "ipv6-unicast" ? theirs6 : "self"
          const announce = `neighbor ${ours} announce route ${prefix} next-hop ${nextHop}`
          return their.addPathSend === true
            ? [`${announce} path-information 0.0.0.1`, `${announce} path-information 0.0.0.2`]
            : [announce]
        })
      )
      .concat(their.only === undefined ? [] : [`neighbor ${ours} announce ${onlyRoute(their.only)}`])
  }

  private configuration(): string {
    return `process orders { run ${this.lab.path("exabgp-orders.sh")}; encoder json; }
process hear { run ${this.lab.path("exabgp-hear.sh")}; encoder json; }
${this.sessions.map(neighbour).join("")}`
  }

  private heard(peer: string): ReadonlyArray<Heard> {
    const lines = this.lines().map((line) => JSON.parse(line) as Heard)
    return lines.filter(({ neighbor }) => neighbor?.address.peer === peer)
  }

  private lines(): ReadonlyArray<string> {
    if (!existsSync(this.heardFile)) return []
    const whole = readFileSync(this.heardFile, "utf8").split("\n").slice(0, -1)
    // It puts the bytes of a NOTIFICATION into its JSON as they are, and the words of a ROUTE-REFRESH in two pairs of quotes.
    const sound = (line: string): string => line.replaceAll(/\p{Cc}/gu, " ").replaceAll(/""(\w+)""/g, '"$1"')
    return whole.filter((line) => line.startsWith("{")).map(sound)
  }

  /** It sets no hop limit on listening sockets of IPv6, so its packets would have 64: those of the route count then. */
  private async raiseHopLimits(): Promise<void> {
    for (const { number, transport, weWait, their } of this.sessions) {
      if (their.ttlSecurity !== true || transport === 4 || weWait) continue
      const route = `-6 route replace fd78:${number}::/64 dev ${LINK} proto kernel metric 256 hoplimit 255`
      await this.lab.ip("theirs", ...route.split(" "))
    }
  }

  private order(lines: ReadonlyArray<string>): void {
    appendFileSync(this.orders, lines.map((line) => `${line}\n`).join(""))
  }

  private get orders(): string {
    return this.lab.path("exabgp.orders")
  }

  private get heardFile(): string {
    return this.lab.path("exabgp.heard")
  }
}

const onlyRoute = ({ prefix, prepend, largeCommunities = 0 }: OnlyRoute): string => {
  const communities = Array.from({ length: largeCommunities }, (_, index) => `65000:1:${index + 1}`)
  return [
    `route ${prefix} next-hop self`,
    prepend === undefined ? "" : ` as-path [ ${THEIR_AS} ${prepend} ]`,
    communities.length === 0 ? "" : ` large-community [ ${communities.join(" ")} ]`
  ].join("")
}

const neighbour = ({ ours, theirs, weWait, families, their }: LabSession): string => {
  const lines = [
    `router-id ${THEIR_ID}`,
    `local-address ${theirs}`,
    `local-as ${their.localAs ?? THEIR_AS}`,
    `peer-as ${OUR_AS}`,
    `hold-time ${their.holdTimeS ?? QUIET_HOLD_S}`,
    `passive ${!weWait}`,
    weWait ? "" : "listen 179",
    their.password === undefined ? "" : `md5-password "${their.password}"`,
    their.ttlSecurity === true ? "outgoing-ttl 255; incoming-ttl 255" : ""
  ]
  const capability = [
    "route-refresh enable",
    `asn4 ${their.twoOctetAs === true ? "disable" : "enable"}`,
    their.addPathSend === true ? "add-path send" : "",
    their.extendedNextHop === true ? "nexthop enable" : "",
    their.gracefulRestart === true ? `graceful-restart ${RESTART_S}` : ""
  ]
  const statements = (all: ReadonlyArray<string>) => all.filter((each) => each !== "").map((each) => `${each}; `)
  return `neighbor ${ours} {
  ${statements(lines).join("\n  ")}
  family { ${statements(families.map((family) => NAMES[family])).join("")}}
  capability { ${statements(capability).join("")}}
  ${their.extendedNextHop === true ? "nexthop { ipv4 unicast ipv6; }" : ""}
  api { processes [ orders, hear ]; neighbor-changes; receive { parsed; packets; update; notification; refresh; } }
}
`
}
