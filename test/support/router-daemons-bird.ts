// BIRD 2. Static routes are announced from a file that it includes; `birdc configure` applies what changed.
import { writeFileSync } from "node:fs"
import { executableOf } from "./available.ts"
import {
  type InteropLab,
  type LabProcess,
  OUR_ADDRESS,
  OUR_AS,
  runCommand,
  THEIR_ADDRESS,
  THEIR_AS
} from "./interop-lab.ts"
import type { RouterDaemon, RouterDriver, RouterSettings } from "./router-daemons.ts"

export const birdDriver: RouterDriver = {
  name: "bird",
  create: (lab, settings) => new Bird(lab, settings)
}

class Bird implements RouterDaemon {
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
    writeFileSync(
      this.lab.path("bird.conf"),
      `log "${this.lab.path("bird.log")}" all;
router id ${THEIR_ADDRESS};
protocol device { }
include "${this.lab.path("bird-routes.conf")}";
protocol bgp backwalk {
  local ${THEIR_ADDRESS} as ${THEIR_AS};
  neighbor ${OUR_ADDRESS} as ${OUR_AS};
  hold time ${holdTimeS};
  connect retry time 1;
  connect delay time 1;
  error wait time 1, 2;
  ${passive ? "passive yes;" : ""}
  ipv4 { import all; export where source = RTS_STATIC; };
}
`
    )
    this.writeRoutes()
    const bird = executableOf("bird")
    const options = ["-f", "-c", this.lab.path("bird.conf"), "-s", this.socket, "-P", this.lab.path("bird.pid")]
    this.process = this.lab.start("theirs", "bird", [bird, ...options], true)
  }

  readonly crash = async (): Promise<void> => this.process?.kill()
  readonly freeze = (): void => this.process?.signal("SIGSTOP")
  readonly thaw = async (): Promise<void> => this.process?.signal("SIGCONT")

  readonly hurry = async (): Promise<void> => undefined

  readonly isEstablished = async (): Promise<boolean> =>
    /BGP state:\s+Established/.test(await this.ask("show", "protocols", "all", "backwalk"))

  readonly received = async (): Promise<ReadonlySet<string>> => {
    const table = await this.ask("show", "route", "protocol", "backwalk")
    return new Set([...table.matchAll(/^(\d[\d.]*\/\d+)\s/gm)].map((match) => match[1]))
  }

  readonly announce = async (prefixes: ReadonlyArray<string>): Promise<void> => {
    for (const prefix of prefixes) this.announced.add(prefix)
    await this.reconfigure()
  }

  readonly withdraw = async (prefixes: ReadonlyArray<string>): Promise<void> => {
    for (const prefix of prefixes) this.announced.delete(prefix)
    await this.reconfigure()
  }

  readonly shutSession = async (): Promise<void> => void (await this.ask("disable", "backwalk"))
  readonly openSession = async (): Promise<void> => void (await this.ask("enable", "backwalk"))

  private async reconfigure(): Promise<void> {
    this.writeRoutes()
    await this.ask("configure")
  }

  private writeRoutes(): void {
    const routes = [...this.announced].map((prefix) => `  route ${prefix} blackhole;`).join("\n")
    writeFileSync(this.lab.path("bird-routes.conf"), `protocol static announced {\n  ipv4;\n${routes}\n}\n`)
  }

  private get socket(): string {
    return this.lab.path("bird.ctl")
  }

  private async ask(...words: ReadonlyArray<string>): Promise<string> {
    return (await runCommand([executableOf("birdc"), "-s", this.socket, ...words])).stdout
  }
}
