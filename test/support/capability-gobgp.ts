// GoBGP as the other end of a capability laboratory, driven by its own command line over a unix socket.
import { rmSync, writeFileSync } from "node:fs"
import { executableOf } from "./available.ts"
import { type CapabilityDriver, type CapabilityPeer, neverAsked } from "./capability-peers.ts"
import {
  type FamilyName,
  type LabSession,
  LONG_LIVED_S,
  QUIET_HOLD_S,
  RESTART_S,
  THEIR_ID,
  THEIR_ROUTES
} from "./capability-sessions.ts"
import { eventually, type InteropLab, type LabProcess, OUR_AS, type Ran, runCommand, THEIR_AS } from "./interop-lab.ts"

const NO_ENHANCED_REFRESH = "no capability 70 in its OPEN"
const NO_EXTENDED_MESSAGE = "not before 4.0: no capability 6 in its OPEN"
const NO_ROLES = "no capability 9 in its OPEN"
const ALWAYS_FOUR_OCTETS = "its OPEN always has capability 65, and no setting leaves it out"

export const gobgpCapabilities: CapabilityDriver = {
  name: "gobgp",
  title: "GoBGP",
  version: async () => {
    const { stdout } = await runCommand([executableOf("gobgpd"), "--version"])
    return /version (\S+)/.exec(stdout)?.[1] ?? "?"
  },
  absent: {
    "refresh-answered":
      "its `softresetin` works on what it has kept: another client, which had offered the capability, was sent no ROUTE-REFRESH",
    "enhanced-refresh": NO_ENHANCED_REFRESH,
    "refresh-marks-heard": NO_ENHANCED_REFRESH,
    "refresh-marks-said": NO_ENHANCED_REFRESH,
    "extended-message": NO_EXTENDED_MESSAGE,
    "big-heard": NO_EXTENDED_MESSAGE,
    "big-said": NO_EXTENDED_MESSAGE,
    "two-octets-said":
      "a route of its own goes to all its neighbours: what we could tell it of another AS comes back to it with its own number",
    "as4-path-heard": ALWAYS_FOUR_OCTETS,
    "as4-path-said": ALWAYS_FOUR_OCTETS,
    "hard-reset-heard": "where both set the N bit its `reset` says Cease/4: another client was sent 6/4",
    "otc-heard": NO_ROLES,
    "otc-said": NO_ROLES
  },
  sessionsWithout: {
    "hold-time-0":
      "it gives each write the hold time as its limit: it went up with another client too, and closed at its first write (i/o timeout)",
    "two-octet-as": ALWAYS_FOUR_OCTETS,
    "big-messages": NO_EXTENDED_MESSAGE,
    role: NO_ROLES,
    "role-mismatch": NO_ROLES,
    "role-provider": NO_ROLES,
    "role-peer": NO_ROLES
  },
  create: (lab, sessions) => new GoBgp(lab, sessions)
}

const SHORT_NAMES = { "ipv4-unicast": "ipv4", "ipv6-unicast": "ipv6" } as const

interface Path {
  readonly "neighbor-ip"?: string
}

type Table = Readonly<Record<string, ReadonlyArray<Path>>>

/** It leaves out the link of a neighbour. */
const isOf = (path: Path, neighbour: string): boolean => path["neighbor-ip"] === neighbour.replace(/%.*/, "")

class GoBgp implements CapabilityPeer {
  private readonly lab: InteropLab
  private readonly sessions: ReadonlyArray<LabSession>
  private announced: Readonly<Record<FamilyName, ReadonlyArray<string>>> = THEIR_ROUTES
  private process: LabProcess | undefined
  private isRestart = false

  constructor(lab: InteropLab, sessions: ReadonlyArray<LabSession>) {
    this.lab = lab
    this.sessions = sessions
  }

  readonly start = async (): Promise<void> => {
    // It does not take over the socket of one that crashed.
    rmSync(this.socket, { force: true })
    const file = this.lab.path("gobgp.toml")
    writeFileSync(file, this.configuration())
    const restart = this.isRestart ? ["--graceful-restart"] : []
    const options = ["-f", file, "--pprof-disable", "--api-hosts", `unix://${this.socket}`, "-l", "debug", ...restart]
    this.process = this.lab.start("theirs", "gobgp", [executableOf("gobgpd"), ...options], true)
    this.isRestart = true
    await eventually("gobgpd to answer", async () => (await this.ask("global")).code === 0)
    for (const { their } of this.sessions) {
      if (their.only?.prepend === undefined) continue
      const route = [their.only.prefix, "aspath", String(their.only.prepend)]
      await this.must("global", "rib", "add", "-a", "ipv4", ...route)
    }
    for (const family of ["ipv4-unicast", "ipv6-unicast"] as const) {
      for (const prefix of this.announced[family]) {
        const add = ["global", "rib", "add", "-a", SHORT_NAMES[family], prefix]
        await this.must(...add)
        // For ADD-PATH: the same prefix once more.
        if (family === "ipv4-unicast") await this.must(...add, "identifier", "7", "med", "7")
      }
    }
  }

  readonly crash = async (): Promise<void> => this.process?.kill()
  readonly hurry = async (): Promise<void> => undefined

  readonly forget = (prefixes: ReadonlyArray<string>): void => {
    const left = (family: FamilyName) => this.announced[family].filter((prefix) => !prefixes.includes(prefix))
    this.announced = { "ipv4-unicast": left("ipv4-unicast"), "ipv6-unicast": left("ipv6-unicast") }
  }

  readonly isEstablished = async ({ ours }: LabSession): Promise<boolean> =>
    /BGP state = ESTABLISHED/i.test((await this.ask("neighbor", ours)).stdout)

  readonly attributes = async ({ ours }: LabSession, prefix: string): Promise<string> => {
    const paths = (await this.table("ipv4-unicast"))[prefix]?.filter((path) => isOf(path, ours)) ?? []
    return paths.length === 0 ? "" : JSON.stringify({ prefix, paths })
  }

  readonly heardMarks = neverAsked
  /** After `reset` it stays Idle for half a minute. */
  readonly reset = async ({ ours }: LabSession): Promise<void> => {
    await this.must("neighbor", ours, "shutdown")
    await this.must("neighbor", ours, "enable")
  }

  readonly received = async ({ ours }: LabSession, family: FamilyName): Promise<ReadonlySet<string>> => {
    const routes = Object.entries(await this.table(family))
    return new Set(routes.filter(([, paths]) => paths.some((path) => isOf(path, ours))).map(([prefix]) => prefix))
  }

  readonly askRefresh = ({ ours }: LabSession): Promise<void> => this.must("neighbor", ours, "softresetin")
  readonly shut = async ({ ours }: LabSession, text: string): Promise<string> => {
    await this.must("neighbor", ours, "shutdown", "--reason", text)
    return text
  }

  readonly reopen = ({ ours }: LabSession): Promise<void> => this.must("neighbor", ours, "enable")
  readonly diary = async (): Promise<string> => this.process?.said() ?? ""

  private configuration(): string {
    return [
      "[global.config]",
      ` as = ${THEIR_AS}`,
      ` router-id = "${THEIR_ID}"`,
      " port = 179",
      ...this.sessions.flatMap(neighbour),
      ""
    ].join("\n")
  }

  private async table(family: FamilyName): Promise<Table> {
    const { code, stdout } = await this.ask("global", "rib", "-a", SHORT_NAMES[family], "-j")
    return (code === 0 && stdout.trim() !== "" ? JSON.parse(stdout) : {}) as Table
  }

  private get socket(): string {
    return this.lab.path("gobgp.sock")
  }

  private ask(...words: ReadonlyArray<string>): Promise<Ran> {
    return runCommand([executableOf("gobgp"), "--target", `unix://${this.socket}`, ...words])
  }

  private async must(...words: ReadonlyArray<string>): Promise<void> {
    const ran = await this.ask(...words)
    if (ran.code !== 0) throw new Error(`gobgp ${words.join(" ")}: ${ran.stdout}${ran.stderr}`)
  }
}

const neighbour = ({ ours, theirs, weWait, families, their }: LabSession): ReadonlyArray<string> => {
  const hold = their.holdTimeS ?? QUIET_HOLD_S
  return [
    "[[neighbors]]",
    " [neighbors.config]",
    `  neighbor-address = "${ours}"`,
    `  peer-as = ${OUR_AS}`,
    ...(their.localAs === undefined ? [] : [`  local-as = ${their.localAs}`]),
    ...(their.password === undefined ? [] : [`  auth-password = "${their.password}"`]),
    " [neighbors.transport.config]",
    `  passive-mode = ${!weWait}`,
    `  local-address = "${theirs}"`,
    " [neighbors.timers.config]",
    `  hold-time = ${hold}`,
    `  keepalive-interval = ${Math.floor(hold / 3)}`,
    "  connect-retry = 1",
    "  idle-hold-time-after-reset = 1",
    ...(their.ttlSecurity === true ? [" [neighbors.ttl-security.config]", "  enabled = true", "  ttl-min = 255"] : []),
    ...(their.gracefulRestart === true
      ? [
          " [neighbors.graceful-restart.config]",
          "  enabled = true",
          `  restart-time = ${RESTART_S}`,
          "  deferral-time = 5",
          `  notification-enabled = ${their.notification === true}`,
          `  long-lived-enabled = ${their.longLived === true}`
        ]
      : []),
    ...families.flatMap((family) => channel(family, their))
  ]
}

const channel = (family: FamilyName, their: LabSession["their"]): ReadonlyArray<string> => [
  " [[neighbors.afi-safis]]",
  "  [neighbors.afi-safis.config]",
  `   afi-safi-name = "${family}"`,
  ...(their.addPathSend === true ? ["  [neighbors.afi-safis.add-paths.config]", "   send-max = 8"] : []),
  ...(their.gracefulRestart === true
    ? ["  [neighbors.afi-safis.mp-graceful-restart.config]", "   enabled = true"]
    : []),
  ...(their.longLived === true
    ? [
        "  [neighbors.afi-safis.long-lived-graceful-restart.config]",
        "   enabled = true",
        `   restart-time = ${LONG_LIVED_S}`
      ]
    : [])
]
