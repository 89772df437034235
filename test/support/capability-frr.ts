// FRRouting as the other end of a capability laboratory: bgpd, and zebra beside it because bgpd asks it whether a neighbour is connected.
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { executableOf } from "./available.ts"
import type { CapabilityDriver, CapabilityPeer } from "./capability-peers.ts"
import {
  type FamilyName,
  type LabSession,
  LONG_LIVED_S,
  ONLY_SOMEWHERE,
  OUR_BIG_ROUTE,
  QUIET_HOLD_S,
  RESTART_S,
  THEIR_ID,
  THEIR_ROUTES
} from "./capability-sessions.ts"
import { eventually, type InteropLab, type LabProcess, LINK, OUR_AS, runCommand, THEIR_AS } from "./interop-lab.ts"

export const frrCapabilities: CapabilityDriver = {
  name: "frr",
  title: "FRR",
  version: async () => {
    const { stdout } = await runCommand([executableOf("/usr/lib/frr/bgpd"), "-v"])
    return /version (\S+)/.exec(stdout)?.[1] ?? "?"
  },
  absent: {
    "as4-path-said":
      "without capabilities of its own it reads AS4_PATH only of those who have no capability 65 either, as another client saw: see it with `four-octet-as: false`"
  },
  sessionsWithout: {
    "link-local-passive":
      "it connects over a link only where a router advertisement tells it to whom: `Unable to locate ifindex` for a link-local address in its configuration"
  },
  create: (lab, sessions) => new Frr(lab, sessions)
}

class Frr implements CapabilityPeer {
  private readonly lab: InteropLab
  private readonly sessions: ReadonlyArray<LabSession>
  private announced: Readonly<Record<FamilyName, ReadonlyArray<string>>> = THEIR_ROUTES
  private zebra: LabProcess | undefined
  private bgpd: LabProcess | undefined

  constructor(lab: InteropLab, sessions: ReadonlyArray<LabSession>) {
    this.lab = lab
    this.sessions = sessions
  }

  readonly start = async (): Promise<void> => {
    mkdirSync(this.lab.path("frr"), { recursive: true })
    execFileSync("chown", ["-R", "frr:frr", this.lab.path("frr")])
    if (this.zebra?.isRunning !== true) await this.startZebra()
    writeFileSync(this.lab.path("frr/bgpd.conf"), this.configuration())
    const bgpd = [executableOf("/usr/lib/frr/bgpd"), ...this.options("bgpd"), "-n"]
    this.bgpd = this.lab.start("theirs", "bgpd", bgpd, true)
  }

  readonly crash = async (): Promise<void> => this.bgpd?.kill()
  readonly hurry = async (): Promise<void> => undefined

  readonly forget = (prefixes: ReadonlyArray<string>): void => {
    const left = (family: FamilyName) => this.announced[family].filter((prefix) => !prefixes.includes(prefix))
    this.announced = { "ipv4-unicast": left("ipv4-unicast"), "ipv6-unicast": left("ipv6-unicast") }
  }

  readonly isEstablished = async ({ ours }: LabSession): Promise<boolean> =>
    /"bgpState":\s*"Established"/.test(await this.ask(`show bgp neighbors ${hostOf(ours)} json`))

  readonly attributes = async ({ ours }: LabSession, prefix: string): Promise<string> => {
    const shown = JSON.parse(await this.ask(`show bgp ipv4 unicast ${prefix} json`)) as {
      readonly paths?: ReadonlyArray<{ readonly peer?: { readonly peerId?: string } }>
    }
    const paths = shown.paths?.filter(({ peer }) => peer?.peerId === hostOf(ours)) ?? []
    return paths.length === 0 ? "" : JSON.stringify({ prefix, paths })
  }

  readonly heardMarks = async ({ ours }: LabSession): Promise<boolean> =>
    new RegExp(
      `${ours}\\S* rcvd route-refresh \\(BoRR\\).*, triggering[^]*${ours}\\S* rcvd route-refresh \\(EoRR\\).*, stopping`
    ).test(await this.diary())

  /** What it says to an order of the operator's is one setting for all. */
  readonly reset = async ({ ours }: LabSession, isHard: boolean): Promise<void> => {
    await this.configure([`${isHard ? "" : "no "}bgp hard-administrative-reset`])
    await this.ask(`clear bgp ${ours}`)
  }

  readonly received = async ({ ours }: LabSession, family: FamilyName): Promise<ReadonlySet<string>> => {
    const shown = await this.ask(`show bgp ${family === "ipv4-unicast" ? "ipv4" : "ipv6"} unicast json`)
    const table = JSON.parse(shown) as {
      readonly routes?: Readonly<Record<string, ReadonlyArray<{ readonly peerId?: string }>>>
    }
    const routes = Object.entries(table.routes ?? {})
    const host = hostOf(ours)
    return new Set(routes.filter(([, paths]) => paths.some(({ peerId }) => peerId === host)).map(([prefix]) => prefix))
  }

  readonly askRefresh = async ({ ours, families }: LabSession): Promise<void> => {
    const family = families[0] === "ipv4-unicast" ? "ipv4" : "ipv6"
    await this.ask(`clear bgp ${family} unicast ${ours} soft in`)
  }

  readonly shut = async ({ ours }: LabSession, text: string): Promise<string> => {
    await this.configure([`neighbor ${ours} shutdown message ${text}`])
    return text
  }

  readonly reopen = ({ ours }: LabSession): Promise<void> => this.configure([`no neighbor ${ours} shutdown`])

  readonly diary = async (): Promise<string> => {
    const log = this.lab.path("frr/bgpd.log")
    return `${existsSync(log) ? readFileSync(log, "utf8") : ""}${await this.ask("show bgp neighbors json")}`
  }

  private async startZebra(): Promise<void> {
    writeFileSync(this.lab.path("frr/zebra.conf"), `hostname zebra\nlog file ${this.lab.path("frr/zebra.log")}\n`)
    const zebra = [executableOf("/usr/lib/frr/zebra"), ...this.options("zebra")]
    this.zebra = this.lab.start("theirs", "zebra", zebra, true)
    await eventually("zebra to answer", async () => (await this.ask("show interface brief")).includes(LINK))
  }

  private options(daemon: string): ReadonlyArray<string> {
    const file = (extension: string): string => this.lab.path(`frr/${daemon}.${extension}`)
    const sockets = ["--vty_socket", this.lab.path("frr"), "-z", this.lab.path("frr/zserv.api")]
    return ["-u", "frr", "-g", "frr", "-f", file("conf"), "-i", file("pid"), "-A", "127.0.0.1", "-P", "0", ...sockets]
  }

  private configuration(): string {
    const family = (name: FamilyName) => [
      ` address-family ${name === "ipv4-unicast" ? "ipv4" : "ipv6"} unicast`,
      ...[...this.announced[name], ...(name === "ipv4-unicast" ? ONLY_SOMEWHERE : [])].map(
        (prefix) => `  network ${prefix}`
      ),
      ...this.sessions.flatMap((session) => channel(session, name)),
      " exit-address-family"
    ]
    return [
      "hostname frr",
      `log file ${this.lab.path("frr/bgpd.log")} debugging`,
      "debug bgp neighbor-events",
      `router bgp ${THEIR_AS}`,
      ` bgp router-id ${THEIR_ID}`,
      " bgp log-neighbor-changes",
      " no bgp ebgp-requires-policy",
      " no bgp network import-check",
      " no bgp default ipv4-unicast",
      ` bgp graceful-restart restart-time ${RESTART_S}`,
      " bgp graceful-restart preserve-fw-state",
      " bgp graceful-restart notification",
      " bgp graceful-restart select-defer-time 5",
      ` bgp long-lived-graceful-restart stale-time ${LONG_LIVED_S}`,
      ...this.sessions.flatMap(neighbour),
      ...family("ipv4-unicast"),
      ...family("ipv6-unicast"),
      "exit",
      // Ours is too long for neighbours without extended messages: passing it on to them it dies (bgp_generate_updgrp_packets).
      ...[...ONLY_SOMEWHERE, OUR_BIG_ROUTE].map((prefix) => `ip prefix-list ONLY permit ${prefix}`),
      ...this.sessions.flatMap(routeMap),
      ""
    ].join("\n")
  }

  private async configure(lines: ReadonlyArray<string>): Promise<void> {
    const file = this.lab.path("frr-commands")
    writeFileSync(file, [`router bgp ${THEIR_AS}`, ...lines].join("\n").concat("\n"))
    const vtysh = [executableOf("vtysh"), "--vty_socket", this.lab.path("frr"), "-d", "bgpd", "-f", file]
    const ran = await runCommand(vtysh)
    if (ran.code !== 0) throw new Error(`vtysh: ${ran.stdout}${ran.stderr}`)
  }

  private async ask(command: string): Promise<string> {
    return (await runCommand([executableOf("vtysh"), "--vty_socket", this.lab.path("frr"), "-c", command])).stdout
  }
}

/** Its neighbours on a link are known by address alone. */
const hostOf = (address: string): string => address.replace(/%.*/, "")

/** Routes that are for some sessions only pass in those, with what they are to carry there. A line takes 4096 characters at most. */
const routeMap = ({ number, their: { only } }: LabSession): ReadonlyArray<string> => {
  const rest = [
    `route-map OUT${number} deny 20`,
    " match ip address prefix-list ONLY",
    `route-map OUT${number} permit 30`
  ]
  if (only === undefined) return rest
  const all = Array.from({ length: only.largeCommunities ?? 0 }, (_, index) => `65000:1:${index + 1}`)
  const entry = (at: number, set: string): ReadonlyArray<string> => [
    `route-map OUT${number} permit ${at}`,
    ` match ip address prefix-list ONLY${number}`,
    set
  ]
  const prepend = only.prepend === undefined ? "" : ` set as-path prepend ${only.prepend}`
  const communities = (from: number) => ` set large-community ${all.slice(from, from + 200).join(" ")} additive`
  return [
    `ip prefix-list ONLY${number} permit ${only.prefix}`,
    ...entry(10, all.length === 0 ? prepend : communities(0)),
    ...(all.length > 200 ? [" on-match next", ...entry(11, communities(200))] : []),
    ...rest
  ].filter((line) => line !== "")
}

const neighbour = ({ ours, theirs, weWait, isLinkLocal, their }: LabSession): ReadonlyArray<string> => {
  const hold = their.holdTimeS ?? QUIET_HOLD_S
  return [
    `remote-as ${OUR_AS}`,
    isLinkLocal ? `interface ${LINK}` : `update-source ${theirs}`,
    their.localAs === undefined ? "" : `local-as ${their.localAs} no-prepend replace-as`,
    `timers ${Math.floor(hold / 3)} ${hold}`,
    "timers connect 1",
    // Neighbours that are alike share an update group and its bytes, four-octet AS_PATHs too: this one must be unlike the others.
    `advertisement-interval ${their.twoOctetAs === true ? 1 : 0}`,
    their.twoOctetAs === true ? "dont-capability-negotiate" : "",
    weWait ? "" : "passive",
    their.password === undefined ? "" : `password ${their.password}`,
    their.ttlSecurity === true ? "ttl-security hops 1" : "",
    their.extendedNextHop === true ? "capability extended-nexthop" : "",
    their.role === undefined ? "" : `local-role ${their.role}`,
    their.gracefulRestart === true ? "graceful-restart" : ""
  ]
    .filter((line) => line !== "")
    .map((line) => ` neighbor ${hostOf(ours)} ${line}`)
}

const channel = ({ ours, number, families, their }: LabSession, family: FamilyName): ReadonlyArray<string> =>
  families.includes(family)
    ? [
        `  neighbor ${hostOf(ours)} activate`,
        ...(family === "ipv4-unicast" ? [`  neighbor ${ours} route-map OUT${number} out`] : []),
        ...(their.addPathSend === true ? [`  neighbor ${ours} addpath-tx-all-paths`] : [])
      ]
    : []
