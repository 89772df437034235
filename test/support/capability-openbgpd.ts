// OpenBGPD as the other end of a capability laboratory. Its parent and its engines are one process group.
import { chmodSync, writeFileSync } from "node:fs"
import { executableOf } from "./available.ts"
import { type CapabilityDriver, type CapabilityPeer, neverAsked } from "./capability-peers.ts"
import {
  type FamilyName,
  type LabSession,
  ONLY_SOMEWHERE,
  QUIET_HOLD_S,
  THEIR_ID,
  THEIR_ROUTES
} from "./capability-sessions.ts"
import { type InteropLab, type LabProcess, OUR_AS, type Ran, runCommand, THEIR_AS } from "./interop-lab.ts"

const REFRESH_REFUSED =
  "its test is the wrong way round: asked for IPv4 (negotiated) it says `AID IPv4 unicast not negotiated`, asked for IPv6 (not negotiated) it answers; seen with another client too"
const NO_EXTENDED_MESSAGE = "not before 8.0: no capability 6 in its OPEN, no such word in its configuration"
const NO_RESTART =
  "the capability in its OPEN is 0x8000, with no N bit, no time and no family: it promises End-of-RIB and asks nobody to keep its routes"
const CRASHES =
  "its RDE ends with signal 11 on the End-of-RIB of a link-local peer, that of another client too; without one that client was served"
const NO_OTHER_AS = "no word of its configuration puts another AS number into the path of a route of its own"
const NO_LONG_LIVED = "no capability 71 in its OPEN"

export const openbgpdCapabilities: CapabilityDriver = {
  name: "openbgpd",
  title: "OpenBGPD",
  version: async () => {
    const { stdout, stderr } = await runCommand([executableOf("/usr/sbin/bgpd"), "-V"])
    return /OpenBGPD (\S+)/.exec(stdout + stderr)?.[1] ?? "?"
  },
  absent: {
    "refresh-asked": REFRESH_REFUSED,
    "plain-refresh": REFRESH_REFUSED,
    "refresh-marks-heard": REFRESH_REFUSED,
    "refresh-marks-said": REFRESH_REFUSED,
    "extended-message": NO_EXTENDED_MESSAGE,
    "big-heard": NO_EXTENDED_MESSAGE,
    "big-said": NO_EXTENDED_MESSAGE,
    "as4-path-heard": NO_OTHER_AS,
    "two-octets-of-ours": NO_OTHER_AS,
    "notification-kept": NO_RESTART,
    "hard-reset-heard": NO_RESTART,
    "hard-reset-said": NO_RESTART,
    "long-lived-own": NO_LONG_LIVED,
    fqdn: "no capability 73 in its OPEN",
    "restart-helper": NO_RESTART
  },
  sessionsWithout: {
    "extended-next-hop": "not before 8.7: no capability 5 in its OPEN, no such word in its configuration",
    "big-messages": NO_EXTENDED_MESSAGE,
    notified: NO_RESTART,
    "link-local-active": CRASHES,
    "link-local-passive": CRASHES,
    "long-lived": NO_LONG_LIVED
  },
  create: (lab, sessions) => new OpenBgpd(lab, sessions)
}

class OpenBgpd implements CapabilityPeer {
  private readonly lab: InteropLab
  private readonly sessions: ReadonlyArray<LabSession>
  private announced: Readonly<Record<FamilyName, ReadonlyArray<string>>> = THEIR_ROUTES
  private process: LabProcess | undefined

  constructor(lab: InteropLab, sessions: ReadonlyArray<LabSession>) {
    this.lab = lab
    this.sessions = sessions
  }

  readonly start = async (): Promise<void> => {
    const file = this.lab.path("openbgpd.conf")
    writeFileSync(file, this.configuration())
    // It refuses a configuration that others may read.
    chmodSync(file, 0o600)
    this.process = this.lab.start("theirs", "openbgpd", [executableOf("/usr/sbin/bgpd"), "-dv", "-f", file], true)
  }

  readonly crash = async (): Promise<void> => this.process?.kill()

  /** After an error it stays Idle for half a minute, and longer each time. */
  readonly hurry = async ({ ours }: LabSession): Promise<void> => {
    const { stdout } = await this.ask("show", "neighbor", ours)
    if (/BGP state = Idle/.test(stdout)) await this.ask("neighbor", ours, "up")
  }

  readonly forget = (prefixes: ReadonlyArray<string>): void => {
    const left = (family: FamilyName) => this.announced[family].filter((prefix) => !prefixes.includes(prefix))
    this.announced = { "ipv4-unicast": left("ipv4-unicast"), "ipv6-unicast": left("ipv6-unicast") }
  }

  readonly isEstablished = async ({ ours }: LabSession): Promise<boolean> =>
    /BGP state = Established/.test((await this.ask("show", "neighbor", ours)).stdout)

  readonly received = async ({ ours }: LabSession, family: FamilyName): Promise<ReadonlySet<string>> => {
    const { stdout } = await this.ask("-j", "show", "rib", "in", "neighbor", ours)
    const table = JSON.parse(stdout) as { readonly rib?: ReadonlyArray<{ readonly prefix: string }> }
    const prefixes = (table.rib ?? []).map(({ prefix }) => prefix)
    return new Set(prefixes.filter((prefix) => prefix.includes(":") === (family === "ipv6-unicast")))
  }

  readonly attributes = async ({ ours }: LabSession, prefix: string): Promise<string> => {
    const { stdout } = await this.ask("show", "rib", "in", "detail", "neighbor", ours)
    return stdout.split("\nBGP routing table entry").find((entry) => entry.includes(prefix)) ?? ""
  }

  readonly heardMarks = neverAsked
  readonly reset = neverAsked

  readonly askRefresh = ({ ours }: LabSession): Promise<void> => this.must("neighbor", ours, "refresh")
  readonly shut = async ({ ours }: LabSession, text: string): Promise<string> => {
    await this.must("neighbor", ours, "down", text)
    return text
  }

  readonly reopen = ({ ours }: LabSession): Promise<void> => this.must("neighbor", ours, "up")
  readonly diary = async (): Promise<string> =>
    `${this.process?.said() ?? ""}${(await this.ask("show", "neighbor")).stdout}`

  private configuration(): string {
    return [
      `AS ${THEIR_AS}`,
      `router-id ${THEIR_ID}`,
      `socket "${this.socket}"`,
      "fib-update no",
      "connect-retry 1",
      ...[...Object.values(this.announced).flat(), ...ONLY_SOMEWHERE].map((prefix) => `network ${prefix}`),
      ...this.sessions.flatMap(neighbour),
      "allow from any",
      "allow to any",
      ...ONLY_SOMEWHERE.map((prefix) => `deny to any prefix ${prefix}`),
      ...this.sessions.flatMap(({ ours, their: { only } }) =>
        only === undefined ? [] : [`allow to ${ours} prefix ${only.prefix}`]
      ),
      ""
    ].join("\n")
  }

  private get socket(): string {
    return this.lab.path("openbgpd.sock")
  }

  private ask(...words: ReadonlyArray<string>): Promise<Ran> {
    return runCommand([executableOf("/usr/sbin/bgpctl"), "-s", this.socket, ...words])
  }

  private async must(...words: ReadonlyArray<string>): Promise<void> {
    const ran = await this.ask(...words)
    if (ran.code !== 0) throw new Error(`bgpctl ${words.join(" ")}: ${ran.stdout}${ran.stderr}`)
  }
}

const neighbour = ({ ours, theirs, theirs6, transport, weWait, families, their }: LabSession): ReadonlyArray<string> =>
  [
    `neighbor ${ours} {`,
    `  remote-as ${OUR_AS}`,
    // The key of a neighbour with `local-address` is not set on any listener: one that waits for us goes without.
    weWait ? `  local-address ${theirs}` : "",
    // Its own begin at 3 seconds; it takes a 0 of ours.
    transport === 4 && families.includes("ipv6-unicast") ? `  local-address ${theirs6}` : "",
    their.localAs === undefined ? "" : `  local-as ${their.localAs}`,
    `  holdtime ${their.holdTimeS || QUIET_HOLD_S}`,
    weWait ? "" : "  passive",
    ...families.map((family) => `  announce ${family === "ipv4-unicast" ? "IPv4" : "IPv6"} unicast`),
    "  announce enhanced refresh yes",
    their.password === undefined ? "" : `  tcp md5sig password "${their.password}"`,
    their.ttlSecurity === true ? "  ttl-security yes" : "",
    their.twoOctetAs === true ? "  announce as-4byte no" : "",
    their.addPathSend === true ? "  announce add-path send all" : "",
    their.role === undefined ? "" : `  announce policy ${their.role}`,
    "}"
  ].filter((line) => line !== "")
