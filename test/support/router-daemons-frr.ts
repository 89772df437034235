// FRRouting: bgpd, and zebra beside it because bgpd asks it whether a neighbour is connected. zebra installs nothing: bgpd sends it no
// routes. Both drop root, so their files are theirs.
import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { executableOf } from "./available.ts"
import {
  eventually,
  type InteropLab,
  type LabProcess,
  OUR_ADDRESS,
  OUR_AS,
  runCommand,
  THEIR_ADDRESS,
  THEIR_AS
} from "./interop-lab.ts"
import type { RouterDaemon, RouterDriver, RouterSettings } from "./router-daemons.ts"

export const frrDriver: RouterDriver = {
  name: "frr",
  create: (lab, settings) => new Frr(lab, settings)
}

class Frr implements RouterDaemon {
  private readonly lab: InteropLab
  private readonly settings: RouterSettings
  private readonly announced: Set<string>
  private zebra: LabProcess | undefined
  private bgpd: LabProcess | undefined

  constructor(lab: InteropLab, settings: RouterSettings) {
    this.lab = lab
    this.settings = settings
    this.announced = new Set(settings.announced)
  }

  readonly start = async (): Promise<void> => {
    mkdirSync(this.lab.path("frr"), { recursive: true })
    execFileSync("chown", ["-R", "frr:frr", this.lab.path("frr")])
    if (this.zebra?.isRunning !== true) await this.startZebra()
    writeFileSync(this.lab.path("frr/bgpd.conf"), this.configuration())
    const bgpd = ["/usr/lib/frr/bgpd", ...this.options("bgpd"), "-n", "-l", THEIR_ADDRESS]
    this.bgpd = this.lab.start("theirs", "bgpd", bgpd, true)
  }

  readonly crash = async (): Promise<void> => this.bgpd?.kill()
  readonly freeze = (): void => this.bgpd?.signal("SIGSTOP")
  readonly thaw = async (): Promise<void> => this.bgpd?.signal("SIGCONT")

  readonly hurry = async (): Promise<void> => undefined

  readonly isEstablished = async (): Promise<boolean> => {
    const summary = await this.ask(`show bgp neighbors ${OUR_ADDRESS} json`)
    return /"bgpState":\s*"Established"/.test(summary)
  }

  readonly received = async (): Promise<ReadonlySet<string>> => {
    const table = JSON.parse(await this.ask("show bgp ipv4 unicast json")) as {
      readonly routes?: Readonly<Record<string, ReadonlyArray<{ readonly peerId?: string }>>>
    }
    const routes = Object.entries(table.routes ?? {})
    return new Set(
      routes.filter(([, paths]) => paths.some((path) => path.peerId === OUR_ADDRESS)).map(([prefix]) => prefix)
    )
  }

  readonly announce = async (prefixes: ReadonlyArray<string>): Promise<void> => {
    for (const prefix of prefixes) this.announced.add(prefix)
    await this.configure(["address-family ipv4 unicast", ...prefixes.map((prefix) => `network ${prefix}`)])
  }

  readonly withdraw = async (prefixes: ReadonlyArray<string>): Promise<void> => {
    for (const prefix of prefixes) this.announced.delete(prefix)
    await this.configure(["address-family ipv4 unicast", ...prefixes.map((prefix) => `no network ${prefix}`)])
  }

  readonly shutSession = (): Promise<void> => this.configure([`neighbor ${OUR_ADDRESS} shutdown`])
  readonly openSession = (): Promise<void> => this.configure([`no neighbor ${OUR_ADDRESS} shutdown`])

  private async startZebra(): Promise<void> {
    writeFileSync(this.lab.path("frr/zebra.conf"), `hostname zebra\nlog file ${this.lab.path("frr/zebra.log")}\n`)
    this.zebra = this.lab.start("theirs", "zebra", ["/usr/lib/frr/zebra", ...this.options("zebra")], true)
    await eventually("zebra to answer", async () => (await this.vtysh("show interface brief")).stdout.includes("link0"))
  }

  private options(daemon: string): ReadonlyArray<string> {
    const file = (extension: string): string => this.lab.path(`frr/${daemon}.${extension}`)
    const sockets = ["--vty_socket", this.lab.path("frr"), "-z", this.lab.path("frr/zserv.api")]
    return ["-u", "frr", "-g", "frr", "-f", file("conf"), "-i", file("pid"), "-A", "127.0.0.1", "-P", "0", ...sockets]
  }

  private configuration(): string {
    const { passive, holdTimeS } = this.settings
    const neighbour = `neighbor ${OUR_ADDRESS}`
    return `hostname frr
log file ${this.lab.path("frr/bgpd.log")}
router bgp ${THEIR_AS}
 bgp router-id ${THEIR_ADDRESS}
 no bgp ebgp-requires-policy
 no bgp network import-check
 ${neighbour} remote-as ${OUR_AS}
 ${passive ? `${neighbour} passive` : ""}
 ${neighbour} timers ${Math.floor(holdTimeS / 3)} ${holdTimeS}
 ${neighbour} timers connect 1
 ${neighbour} advertisement-interval 0
 address-family ipv4 unicast
${[...this.announced].map((prefix) => `  network ${prefix}`).join("\n")}
 exit-address-family
exit
`
  }

  private async configure(lines: ReadonlyArray<string>): Promise<void> {
    const file = this.lab.path("frr-commands")
    writeFileSync(file, [`router bgp ${THEIR_AS}`, ...lines].join("\n").concat("\n"))
    const ran = await runCommand([
      executableOf("vtysh"),
      "--vty_socket",
      this.lab.path("frr"),
      "-d",
      "bgpd",
      "-f",
      file
    ])
    if (ran.code !== 0) throw new Error(`vtysh: ${ran.stdout}${ran.stderr}`)
  }

  private async ask(command: string): Promise<string> {
    return (await this.vtysh(command)).stdout
  }

  private vtysh(command: string) {
    return runCommand([executableOf("vtysh"), "--vty_socket", this.lab.path("frr"), "-c", command])
  }
}
