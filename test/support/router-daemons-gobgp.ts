// GoBGP, driven by its own command line over a unix socket.
import { rmSync, writeFileSync } from "node:fs"
import { executableOf } from "./available.ts"
import {
  eventually,
  type InteropLab,
  type LabProcess,
  OUR_ADDRESS,
  OUR_AS,
  type Ran,
  runCommand,
  THEIR_ADDRESS,
  THEIR_AS
} from "./interop-lab.ts"
import type { RouterDaemon, RouterDriver, RouterSettings } from "./router-daemons.ts"

export const gobgpDriver: RouterDriver = {
  name: "gobgp",
  create: (lab, settings) => new GoBgp(lab, settings)
}

class GoBgp implements RouterDaemon {
  private readonly lab: InteropLab
  private readonly settings: RouterSettings
  private readonly announced: Set<string>
  private process: LabProcess | undefined

  constructor(lab: InteropLab, settings: RouterSettings) {
    this.lab = lab
    this.settings = settings
    this.announced = new Set(settings.announced)
  }

  readonly start = async (): Promise<void> => {
    const { passive, holdTimeS } = this.settings
    // It does not take over the socket of one that crashed.
    rmSync(this.socket, { force: true })
    writeFileSync(
      this.lab.path("gobgp.toml"),
      `[global.config]
 as = ${THEIR_AS}
 router-id = "${THEIR_ADDRESS}"
 port = 179
 local-address-list = ["${THEIR_ADDRESS}"]
[[neighbors]]
 [neighbors.config]
  neighbor-address = "${OUR_ADDRESS}"
  peer-as = ${OUR_AS}
 [neighbors.transport.config]
  passive-mode = ${passive}
  local-address = "${THEIR_ADDRESS}"
 [neighbors.timers.config]
  hold-time = ${holdTimeS}
  keepalive-interval = ${Math.floor(holdTimeS / 3)}
  connect-retry = 1
  idle-hold-time-after-reset = 1
`
    )
    const options = ["-f", this.lab.path("gobgp.toml"), "--pprof-disable", "--api-hosts", `unix://${this.socket}`]
    this.process = this.lab.start("theirs", "gobgp", [executableOf("gobgpd"), ...options], true)
    await eventually("gobgpd to answer", async () => (await this.ask("global")).code === 0)
    await this.announce([...this.announced])
  }

  readonly crash = async (): Promise<void> => this.process?.kill()
  readonly freeze = (): void => this.process?.signal("SIGSTOP")
  readonly thaw = async (): Promise<void> => this.process?.signal("SIGCONT")

  readonly hurry = async (): Promise<void> => undefined

  readonly isEstablished = async (): Promise<boolean> => {
    const { stdout } = await this.ask("neighbor", OUR_ADDRESS)
    return /BGP state = ESTABLISHED/i.test(stdout)
  }

  readonly received = async (): Promise<ReadonlySet<string>> => {
    const { code, stdout } = await this.ask("neighbor", OUR_ADDRESS, "adj-in", "-j")
    // Without a session the answer is an error, and without routes it is empty.
    return new Set(code === 0 && stdout.trim() !== "" ? Object.keys(JSON.parse(stdout) as object) : [])
  }

  readonly announce = (prefixes: ReadonlyArray<string>): Promise<void> => {
    for (const prefix of prefixes) this.announced.add(prefix)
    return this.each("add", prefixes)
  }

  readonly withdraw = (prefixes: ReadonlyArray<string>): Promise<void> => {
    for (const prefix of prefixes) this.announced.delete(prefix)
    return this.each("del", prefixes)
  }

  readonly shutSession = (): Promise<void> => this.must("neighbor", OUR_ADDRESS, "disable")
  readonly openSession = (): Promise<void> => this.must("neighbor", OUR_ADDRESS, "enable")

  private get socket(): string {
    return this.lab.path("gobgp.sock")
  }

  /** Its command line takes one route at a time; a shell starts the thousand faster than we would. */
  private async each(verb: "add" | "del", prefixes: ReadonlyArray<string>): Promise<void> {
    if (prefixes.length === 0) return
    const file = this.lab.path("gobgp.prefixes")
    writeFileSync(file, prefixes.join("\n").concat("\n"))
    const command = `${executableOf("gobgp")} --target unix://${this.socket} global rib ${verb} -a ipv4`
    const ran = await runCommand(["sh", "-c", `xargs -P 4 -n 1 ${command} < ${file}`])
    if (ran.code !== 0) throw new Error(`gobgp global rib ${verb}: ${ran.stdout}${ran.stderr}`)
  }

  private ask(...words: ReadonlyArray<string>): Promise<Ran> {
    return runCommand([executableOf("gobgp"), "--target", `unix://${this.socket}`, ...words])
  }

  private async must(...words: ReadonlyArray<string>): Promise<void> {
    const ran = await this.ask(...words)
    if (ran.code !== 0) throw new Error(`gobgp ${words.join(" ")}: ${ran.stdout}${ran.stderr}`)
  }
}
