// BIRD 2 as the other end of a capability laboratory.
import { readFileSync, writeFileSync } from "node:fs"
import { executableOf } from "./available.ts"
import { type CapabilityDriver, type CapabilityPeer, neverAsked } from "./capability-peers.ts"
import {
  type FamilyName,
  type LabSession,
  LONG_LIVED_S,
  ONLY_SOMEWHERE,
  QUIET_HOLD_S,
  RESTART_S,
  THEIR_ID,
  THEIR_ROUTES
} from "./capability-sessions.ts"
import { type InteropLab, type LabProcess, OUR_AS, runCommand, THEIR_AS } from "./interop-lab.ts"

const NO_N_BIT = "its graceful restart capability is 0x0078, without the N bit"

export const birdCapabilities: CapabilityDriver = {
  name: "bird",
  title: "BIRD",
  version: async () => {
    const { stdout, stderr } = await runCommand([executableOf("bird"), "--version"])
    return /version (\S+)/.exec(stdout + stderr)?.[1] ?? "?"
  },
  absent: {
    fqdn: "not before 2.14: no capability 73 in its OPEN, `advertise hostname` is a syntax error",
    "notification-kept": NO_N_BIT,
    "hard-reset-heard": NO_N_BIT,
    "hard-reset-said": NO_N_BIT
  },
  sessionsWithout: {
    notified: NO_N_BIT
  },
  create: (lab, sessions) => new Bird(lab, sessions)
}

class Bird implements CapabilityPeer {
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
    const file = this.lab.path("bird.conf")
    writeFileSync(file, this.configuration())
    // With -R it says that it restarts and waits for what its peers have of it.
    const options = ["-f", "-c", file, "-s", this.socket, "-P", this.lab.path("bird.pid"), this.isRestart ? "-R" : ""]
    const command = [executableOf("bird"), ...options.filter((option) => option !== "")]
    this.process = this.lab.start("theirs", "bird", command, true)
    this.isRestart = true
  }

  readonly crash = async (): Promise<void> => this.process?.kill()
  readonly hurry = async (): Promise<void> => undefined

  readonly forget = (prefixes: ReadonlyArray<string>): void => {
    const left = (family: FamilyName) => this.announced[family].filter((prefix) => !prefixes.includes(prefix))
    this.announced = { "ipv4-unicast": left("ipv4-unicast"), "ipv6-unicast": left("ipv6-unicast") }
  }

  readonly isEstablished = async ({ number }: LabSession): Promise<boolean> =>
    /BGP state:\s+Established/.test(await this.ask("show", "protocols", "all", `s${number}`))

  readonly received = async ({ number }: LabSession, family: FamilyName): Promise<ReadonlySet<string>> => {
    const table = family === "ipv4-unicast" ? "master4" : "master6"
    const routes = await this.ask("show", "route", "table", table, "protocol", `s${number}`)
    return new Set([...routes.matchAll(/^([\da-f.:]+\/\d+)\s/gm)].map(([, prefix]) => prefix))
  }

  readonly attributes = ({ number }: LabSession, prefix: string): Promise<string> =>
    this.ask("show", "route", prefix, "all", "protocol", `s${number}`)

  readonly heardMarks = async ({ number }: LabSession): Promise<boolean> =>
    new RegExp(`s${number}: Got BEGIN-OF-RR[^]*s${number}: Got END-OF-RR`).test(await this.diary())
  readonly reset = neverAsked

  readonly askRefresh = async ({ number }: LabSession): Promise<void> =>
    void (await this.ask("reload", "in", `s${number}`))
  readonly shut = async ({ number }: LabSession, text: string): Promise<string> => {
    await this.ask("disable", `s${number}`, `"${text}"`)
    return text
  }

  readonly reopen = async ({ number }: LabSession): Promise<void> => void (await this.ask("enable", `s${number}`))
  readonly diary = async (): Promise<string> => readFileSync(this.lab.path("bird.log"), "utf8")

  private configuration(): string {
    const announced = (name: string, family: FamilyName) =>
      `protocol static ${name} { ${family === "ipv4-unicast" ? "ipv4" : "ipv6"};\n${this.announced[family]
        .map((prefix) => `  route ${prefix} blackhole;\n`)
        .join("")}}\n`
    return `log "${this.lab.path("bird.log")}" all;
router id ${THEIR_ID};
graceful restart wait 5;
protocol device { }
protocol static only4 { ipv4;
${ONLY_SOMEWHERE.map((prefix) => `  route ${prefix} blackhole;\n`).join("")}}
${announced("announced4", "ipv4-unicast")}${announced("again4", "ipv4-unicast")}${announced("announced6", "ipv6-unicast")}${this.sessions.map(protocol).join("")}`
  }

  private get socket(): string {
    return this.lab.path("bird.ctl")
  }

  private async ask(...words: ReadonlyArray<string>): Promise<string> {
    return (await runCommand([executableOf("birdc"), "-s", this.socket, ...words])).stdout
  }
}

/** The second static protocol is there for ADD-PATH: the same prefixes once more. */
const protocol = (session: LabSession): string => {
  const { number, ours, theirs, families, weWait, their } = session
  const options = [
    `local ${theirs.replace(/%.*/, "")} as ${their.localAs ?? THEIR_AS}`,
    `neighbor ${ours} as ${OUR_AS}`,
    "debug { packets }",
    `hold time ${their.holdTimeS ?? QUIET_HOLD_S}`,
    "connect retry time 1",
    "connect delay time 1",
    "error wait time 1, 2",
    "enable extended messages on",
    weWait ? "" : "passive yes",
    their.password === undefined ? "" : `password "${their.password}"`,
    their.ttlSecurity === true ? "ttl security on" : "",
    their.twoOctetAs === true ? "enable as4 off" : "",
    their.role === undefined ? "" : `local role ${their.role}`,
    their.gracefulRestart === true ? `graceful restart on; graceful restart time ${RESTART_S}` : "",
    their.longLived === true ? `long lived graceful restart on; long lived stale time ${LONG_LIVED_S}` : ""
  ]
  const lines = (all: ReadonlyArray<string>) => all.filter((each) => each !== "").map((each) => `${each}; `)
  const channels = families.map(
    (family) => `  ${family === "ipv4-unicast" ? "ipv4" : "ipv6"} { ${lines(channel(session, family)).join("")}};\n`
  )
  return `protocol bgp s${number} {\n  ${lines(options).join("\n  ")}\n${channels.join("")}}\n`
}

const channel = ({ transport, their, theirs6 }: LabSession, family: FamilyName): ReadonlyArray<string> => [
  "import all",
  family === "ipv4-unicast" ? `export ${filterOf(their)}` : "export where source = RTS_STATIC",
  their.addPathSend === true ? "add paths tx" : "",
  family === "ipv4-unicast" && their.extendedNextHop === true ? "extended next hop on" : "",
  family === "ipv6-unicast" && transport === 4 ? `next hop address ${theirs6}` : ""
]

/** Routes that are for some sessions only pass in those, with what they are to carry there. */
const filterOf = ({ only }: LabSession["their"]): string => {
  const rest = `if net ~ [ ${ONLY_SOMEWHERE.join(", ")} ] then reject; if source = RTS_STATIC then accept; reject;`
  if (only === undefined) return `filter { ${rest} }`
  const communities = Array.from(
    { length: only.largeCommunities ?? 0 },
    (_, index) => `bgp_large_community.add((65000, 1, ${index + 1})); `
  )
  const prepend = only.prepend === undefined ? "" : `bgp_path.prepend(${only.prepend}); `
  return `filter { if net = ${only.prefix} then { ${prepend}${communities.join("")}accept; } ${rest} }`
}
