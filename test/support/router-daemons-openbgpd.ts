// OpenBGPD. Its parent and its two engines are one process group; `bgpctl` talks to a socket that the configuration names.
import { chmodSync, writeFileSync } from "node:fs"
import { executableOf } from "./available.ts"
import {
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

export const openbgpdDriver: RouterDriver = {
  name: "openbgpd",
  create: (lab, settings) => new OpenBgpd(lab, settings)
}

class OpenBgpd implements RouterDaemon {
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
    this.writeConfiguration()
    const command = [executableOf("/usr/sbin/bgpd"), "-d", "-f", this.lab.path("openbgpd.conf")]
    this.process = this.lab.start("theirs", "openbgpd", command, true)
  }

  readonly crash = async (): Promise<void> => this.process?.kill()
  readonly freeze = (): void => this.process?.signal("SIGSTOP")
  readonly thaw = async (): Promise<void> => this.process?.signal("SIGCONT")

  /** After an error it stays Idle for half a minute, and longer each time. */
  readonly hurry = async (): Promise<void> => {
    const { stdout } = await this.ask("show", "neighbor", OUR_ADDRESS)
    if (/BGP state = Idle/.test(stdout)) await this.ask("neighbor", OUR_ADDRESS, "up")
  }

  readonly isEstablished = async (): Promise<boolean> => {
    const { stdout } = await this.ask("show", "neighbor", OUR_ADDRESS)
    return /BGP state = Established/.test(stdout)
  }

  readonly received = async (): Promise<ReadonlySet<string>> => {
    const { stdout } = await this.ask("-j", "show", "rib", "in", "neighbor", OUR_ADDRESS)
    const table = JSON.parse(stdout) as { readonly rib?: ReadonlyArray<{ readonly prefix: string }> }
    return new Set((table.rib ?? []).map((route) => route.prefix))
  }

  readonly announce = async (prefixes: ReadonlyArray<string>): Promise<void> => {
    for (const prefix of prefixes) this.announced.add(prefix)
    await this.reload()
  }

  readonly withdraw = async (prefixes: ReadonlyArray<string>): Promise<void> => {
    for (const prefix of prefixes) this.announced.delete(prefix)
    await this.reload()
  }

  readonly shutSession = async (): Promise<void> => this.must("neighbor", OUR_ADDRESS, "down")
  readonly openSession = async (): Promise<void> => this.must("neighbor", OUR_ADDRESS, "up")

  private async reload(): Promise<void> {
    this.writeConfiguration()
    await this.must("reload")
  }

  private writeConfiguration(): void {
    const { passive, holdTimeS } = this.settings
    const file = this.lab.path("openbgpd.conf")
    writeFileSync(
      file,
      `AS ${THEIR_AS}
router-id ${THEIR_ADDRESS}
listen on ${THEIR_ADDRESS}
socket "${this.socket}"
fib-update no
connect-retry 1
${[...this.announced].map((prefix) => `network ${prefix}`).join("\n")}
neighbor ${OUR_ADDRESS} {
  remote-as ${OUR_AS}
  ${passive ? "passive" : ""}
  holdtime ${holdTimeS}
}
allow from any
allow to any
`
    )
    // It refuses a configuration that others may read.
    chmodSync(file, 0o600)
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
