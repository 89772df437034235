// ExaBGP, which has no table of its own: it reads orders from one process and writes what it hears to another. Here these are two files:
// orders are appended to the first, and the second is read back as the table.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs"
import { executableOf } from "./available.ts"
import {
  eventually,
  type InteropLab,
  type LabProcess,
  OUR_ADDRESS,
  OUR_AS,
  THEIR_ADDRESS,
  THEIR_AS
} from "./interop-lab.ts"
import type { RouterDaemon, RouterDriver, RouterSettings } from "./router-daemons.ts"

export const exabgpDriver: RouterDriver = {
  name: "exabgp",
  create: (lab, settings) => new ExaBgp(lab, settings)
}

interface Heard {
  readonly type: string
  readonly neighbor?: {
    readonly state?: string
    readonly message?: {
      readonly update?: {
        readonly announce?: {
          readonly "ipv4 unicast"?: Readonly<Record<string, ReadonlyArray<{ readonly nlri: string }>>>
        }
        readonly withdraw?: { readonly "ipv4 unicast"?: ReadonlyArray<{ readonly nlri: string }> }
      }
    }
  }
}

class ExaBgp implements RouterDaemon {
  private readonly lab: InteropLab
  private readonly settings: RouterSettings
  private readonly announced: Set<string>
  private process: LabProcess | undefined
  /** Told to let the session go: it would come back by itself. */
  private isShut = false

  constructor(lab: InteropLab, settings: RouterSettings) {
    this.lab = lab
    this.settings = settings
    this.announced = new Set(settings.announced)
  }

  readonly start = async (): Promise<void> => {
    writeFileSync(this.orders, "")
    writeFileSync(this.heardFile, "")
    // A process whose output is closed counts as dead, so the shell stays and keeps it open.
    writeFileSync(this.lab.path("exabgp-hear.sh"), `#!/bin/sh\ncat >> ${this.heardFile}\n`, { mode: 0o755 })
    writeFileSync(
      this.lab.path("exabgp.conf"),
      `process orders { run /usr/bin/tail -n +1 -f ${this.orders}; encoder json; }
process hear { run ${this.lab.path("exabgp-hear.sh")}; encoder json; }
neighbor ${OUR_ADDRESS} {
  router-id ${THEIR_ADDRESS};
  local-address ${THEIR_ADDRESS};
  local-as ${THEIR_AS};
  peer-as ${OUR_AS};
  hold-time ${this.settings.holdTimeS};
  passive ${this.settings.passive};
  family { ipv4 unicast; }
  api { processes [ orders, hear ]; neighbor-changes; receive { parsed; update; } }
}
`
    )
    const environment = [
      `exabgp.tcp.bind=${this.settings.passive ? THEIR_ADDRESS : ""}`,
      "exabgp.tcp.port=179",
      "exabgp.daemon.user=root",
      "exabgp.daemon.drop=false",
      "exabgp.api.cli=false",
      "exabgp.api.ack=false",
      "exabgp.log.level=WARNING"
    ]
    const command = ["env", ...environment, executableOf("exabgp"), this.lab.path("exabgp.conf")]
    this.process = this.lab.start("theirs", "exabgp", command, true)
    await this.announce([...this.announced])
  }

  readonly crash = async (): Promise<void> => this.process?.kill()
  readonly freeze = (): void => this.process?.signal("SIGSTOP")

  /** Continued, it leaves a connection that came meanwhile unanswered for ever: it is started afresh instead. */
  readonly thaw = async (): Promise<void> => {
    await this.crash()
    await this.start()
  }

  readonly hurry = async (): Promise<void> => undefined

  readonly isEstablished = async (): Promise<boolean> => {
    const changes = this.heard().filter(({ type }) => type === "state")
    return changes.at(-1)?.neighbor?.state === "up"
  }

  readonly received = async (): Promise<ReadonlySet<string>> => {
    const table = new Set<string>()
    for (const { type, neighbor } of this.heard()) {
      if (type === "state" && neighbor?.state !== "up") table.clear()
      const update = neighbor?.message?.update
      for (const { nlri } of update?.withdraw?.["ipv4 unicast"] ?? []) table.delete(nlri)
      const announced = Object.values(update?.announce?.["ipv4 unicast"] ?? {})
      for (const { nlri } of announced.flat()) table.add(nlri)
    }
    return table
  }

  readonly announce = async (prefixes: ReadonlyArray<string>): Promise<void> => {
    for (const prefix of prefixes) this.announced.add(prefix)
    this.order(prefixes.map((prefix) => `announce route ${prefix} next-hop self`))
  }

  readonly withdraw = async (prefixes: ReadonlyArray<string>): Promise<void> => {
    for (const prefix of prefixes) this.announced.delete(prefix)
    this.order(prefixes.map((prefix) => `withdraw route ${prefix} next-hop self`))
  }

  /** Cease/2 ends the session. It would take us again at once: it has no "stay down", so it ends. */
  readonly shutSession = async (): Promise<void> => {
    this.isShut = true
    this.order([`neighbor ${OUR_ADDRESS} teardown 2`])
    await eventually("ExaBGP to end the session", async () => !(await this.isEstablished()))
    await this.process?.kill()
  }

  readonly openSession = async (): Promise<void> => {
    if (this.isShut) await this.start()
    this.isShut = false
  }

  private heard(): ReadonlyArray<Heard> {
    if (!existsSync(this.heardFile)) return []
    const whole = readFileSync(this.heardFile, "utf8").split("\n").slice(0, -1)
    // It puts the bytes of a NOTIFICATION into its JSON as they are.
    const lines = whole.filter((line) => line.startsWith("{")).map((line) => line.replaceAll(/\p{Cc}/gu, " "))
    return lines.map((line) => JSON.parse(line) as Heard)
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
