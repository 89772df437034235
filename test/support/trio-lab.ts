// BIRD, FRR and GoBGP as three neighbours of one Backwalk on one link, each in a namespace of its own, each asked with its own tools what it
// holds. They dial; what they are to us and we to them, a test says.
import { execFileSync } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { executableOf } from "./available.ts"
import { eventually, InteropLab, LINK, OUR_ADDRESS, runCommand } from "./interop-lab.ts"

const LAUNCHER = join(import.meta.dirname, "../../bin/backwalk")

export const BIRD = "10.77.0.2"
export const FRR = "10.77.0.3"
export const GOBGP = "10.77.0.4"

/** What a daemon holds of a prefix, in its own words. */
export interface Held {
  readonly asPath: string
  readonly nextHop: string
  readonly originator?: string
  readonly clusters?: string
}

export interface Settings {
  /** Sections of our configuration beside the usual ones. */
  readonly router: object
  readonly peers: ReadonlyArray<object>
  /** AS number of each, and the one that it knows us by. */
  readonly asns: Readonly<Record<"bird" | "frr" | "gobgp", readonly [own: number, ours: number]>>
  readonly birdChannels?: string
  readonly birdTables?: string
  /** Body of BIRD's export filter, before `accept`. */
  readonly birdExport?: string
  readonly birdRoutes: ReadonlyArray<string>
  readonly frrRouter?: string
  readonly frrFamilies?: string
  readonly frrNetworks: ReadonlyArray<string>
  readonly frrMaps?: string
  readonly gobgpFamilies?: ReadonlyArray<string>
  readonly gobgpGlobal?: string
}

export class Trio {
  readonly lab: InteropLab
  private readonly settings: Settings

  constructor(name: string, settings: Settings) {
    this.lab = new InteropLab(name)
    this.settings = settings
  }

  async start(): Promise<void> {
    this.lab.add(["third", FRR], ["fourth", GOBGP])
    this.startBackwalk()
    this.startBird()
    await this.startFrr()
    await this.startGobgp()
    await eventually("three sessions", async () => {
      const rows = JSON.parse((await this.ask("show", "peers")).stdout) as ReadonlyArray<{ readonly state: string }>
      return rows.length === 3 && rows.every(({ state }) => state === "Established")
    })
  }

  close(): Promise<void> {
    return this.lab.close()
  }

  /** Our command line. */
  ask(...words: ReadonlyArray<string>) {
    return runCommand([LAUNCHER, "--socket", this.lab.path("control.sock"), "--json", ...words])
  }

  async rows(...words: ReadonlyArray<string>): Promise<ReadonlyArray<Record<string, unknown>>> {
    const { stdout } = await this.ask("show", ...words)
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  /** What BIRD has from us. */
  async bird(prefix: string): Promise<Held | undefined> {
    const text = await this.birdc("show", "route", prefix, "all", "protocol", "backwalk")
    const value = (name: string): string | undefined => new RegExp(`BGP\\.${name}: (.*)`).exec(text)?.[1]?.trim()
    const nextHop = value("next_hop")
    if (nextHop === undefined) return undefined
    return held(value("as_path") ?? "", nextHop, value("originator_id"), value("cluster_list"))
  }

  async birdc(...words: ReadonlyArray<string>): Promise<string> {
    return (await runCommand([executableOf("birdc"), "-s", this.lab.path("bird.ctl"), ...words])).stdout
  }

  async frr(prefix: string): Promise<Held | undefined> {
    const table = JSON.parse(await this.vtysh(`show bgp ipv4 unicast ${prefix} json`)) as FrrTable
    const path = table.paths?.find(({ peer }) => peer?.peerId === OUR_ADDRESS)
    if (path === undefined) return undefined
    const asPath = path.aspath.string === "Local" ? "" : path.aspath.string
    return held(asPath, path.nexthops[0]!.ip, path.originatorId, path.clusterList?.list?.join(" "))
  }

  async vtysh(command: string): Promise<string> {
    const { stdout } = await runCommand([executableOf("vtysh"), "--vty_socket", this.lab.path("frr"), "-c", command])
    return stdout
  }

  async gobgp(prefix: string): Promise<Held | undefined> {
    const { stdout } = await this.goBgp("neighbor", OUR_ADDRESS, "adj-in", "-j")
    const table = stdout.trim() === "" ? {} : (JSON.parse(stdout) as Readonly<Record<string, ReadonlyArray<GoPath>>>)
    const attributes = table[prefix]?.[0]?.attrs
    if (attributes === undefined) return undefined
    const valueOf = (type: number) => attributes.find((one) => one.type === type)
    const asPath = (valueOf(2)?.as_paths ?? []).map(({ asns }) => asns.join(" ")).join(" ")
    const clusters = valueOf(10)?.value
    const originator = valueOf(9)?.value
    return held(
      asPath,
      valueOf(3)?.nexthop ?? "",
      typeof originator === "string" ? originator : undefined,
      Array.isArray(clusters) ? clusters.join(" ") : undefined
    )
  }

  goBgp(...words: ReadonlyArray<string>) {
    return runCommand([executableOf("gobgp"), "--target", `unix://${this.lab.path("gobgp.sock")}`, ...words])
  }

  async mustGoBgp(...words: ReadonlyArray<string>): Promise<void> {
    const ran = await this.goBgp(...words)
    if (ran.code !== 0) throw new Error(`gobgp ${words.join(" ")}: ${ran.stdout}${ran.stderr}`)
  }

  private startBackwalk(): void {
    const config = {
      router: { asn: 65001, id: OUR_ADDRESS, ...this.settings.router },
      listen: [`${OUR_ADDRESS}:179`],
      api: { socket: this.lab.path("control.sock") },
      kernel: { table: "main", "on-exit": "remove" },
      groups: { all: { policy: "open", passive: true, "idle-hold": 1 } },
      peers: this.settings.peers.map((peer) => ({ group: "all", ...peer }))
    }
    // JSON is YAML.
    writeFileSync(this.lab.path("backwalk.yaml"), JSON.stringify(config))
    this.lab.start("ours", "backwalk", [LAUNCHER, "run", "--config", this.lab.path("backwalk.yaml")])
  }

  private startBird(): void {
    const { asns, birdChannels = "", birdTables = "", birdExport = "", birdRoutes } = this.settings
    const [own, ours] = asns.bird
    writeFileSync(
      this.lab.path("bird.conf"),
      `log "${this.lab.path("bird.log")}" all;
router id ${BIRD};
${birdTables}
protocol device { }
protocol direct { ipv4; }
protocol static announced { ipv4; ${birdRoutes.map((prefix) => `route ${prefix} blackhole;`).join(" ")} }
filter told { if source != RTS_STATIC then reject; ${birdExport} accept; }
protocol bgp backwalk {
  local ${BIRD} as ${own};
  strict bind yes;
  neighbor ${OUR_ADDRESS} as ${ours};
  connect retry time 1; connect delay time 1; error wait time 1, 2;
  ipv4 { import all; export filter told; next hop self; };
  ${birdChannels}
}
`
    )
    const options = ["-f", "-c", this.lab.path("bird.conf"), "-s", this.lab.path("bird.ctl")]
    this.lab.start("theirs", "bird", [executableOf("bird"), ...options, "-P", this.lab.path("bird.pid")], true)
  }

  private async startFrr(): Promise<void> {
    const { asns, frrRouter = "", frrFamilies = "", frrNetworks, frrMaps = "" } = this.settings
    const [own, ours] = asns.frr
    mkdirSync(this.lab.path("frr"), { recursive: true })
    const file = (name: string): string => this.lab.path(`frr/${name}`)
    writeFileSync(file("zebra.conf"), `hostname zebra\nlog file ${file("zebra.log")}\n`)
    writeFileSync(
      file("bgpd.conf"),
      `hostname frr
log file ${file("bgpd.log")}
router bgp ${own}
 bgp router-id ${FRR}
 no bgp ebgp-requires-policy
 no bgp network import-check
 ${frrRouter}
 neighbor ${OUR_ADDRESS} remote-as ${ours}
 no neighbor ${OUR_ADDRESS} enforce-first-as
 neighbor ${OUR_ADDRESS} update-source ${FRR}
 neighbor ${OUR_ADDRESS} timers connect 1
 neighbor ${OUR_ADDRESS} advertisement-interval 0
 address-family ipv4 unicast
${frrNetworks.map((network) => `  network ${network}`).join("\n")}
 exit-address-family
${frrFamilies}
exit
${frrMaps}
`
    )
    execFileSync("chown", ["-R", "frr:frr", this.lab.path("frr")])
    const options = (daemon: string): ReadonlyArray<string> => [
      ...["-u", "frr", "-g", "frr", "-f", file(`${daemon}.conf`), "-i", file(`${daemon}.pid`), "-A", "127.0.0.1"],
      ...["-P", "0", "--vty_socket", this.lab.path("frr"), "-z", file("zserv.api")]
    ]
    this.lab.start("third", "zebra", ["/usr/lib/frr/zebra", ...options("zebra")], true)
    await eventually("zebra to answer", async () => (await this.vtysh("show interface brief")).includes(LINK))
    this.lab.start("third", "bgpd", ["/usr/lib/frr/bgpd", ...options("bgpd"), "-n", "-p", "0"], true)
  }

  private async startGobgp(): Promise<void> {
    const { asns, gobgpFamilies = ["ipv4-unicast"], gobgpGlobal = "" } = this.settings
    const [own, ours] = asns.gobgp
    rmSync(this.lab.path("gobgp.sock"), { force: true })
    writeFileSync(
      this.lab.path("gobgp.toml"),
      `[global.config]
 as = ${own}
 router-id = "${GOBGP}"
 port = -1
${gobgpGlobal}
[[neighbors]]
 [neighbors.config]
  neighbor-address = "${OUR_ADDRESS}"
  peer-as = ${ours}
 [neighbors.transport.config]
  local-address = "${GOBGP}"
 [neighbors.timers.config]
  connect-retry = 1
  idle-hold-time-after-reset = 1
${gobgpFamilies.map((name) => ` [[neighbors.afi-safis]]\n  [neighbors.afi-safis.config]\n   afi-safi-name = "${name}"`).join("\n")}
`
    )
    const api = ["--pprof-disable", "--api-hosts", `unix://${this.lab.path("gobgp.sock")}`]
    this.lab.start("fourth", "gobgp", [executableOf("gobgpd"), "-f", this.lab.path("gobgp.toml"), ...api], true)
    await eventually("gobgpd to answer", async () => (await this.goBgp("global")).code === 0)
  }
}

const held = (asPath: string, nextHop: string, originator?: string, clusters?: string): Held => ({
  asPath,
  nextHop,
  ...(originator === undefined ? {} : { originator }),
  ...(clusters === undefined ? {} : { clusters })
})

interface FrrTable {
  readonly paths?: ReadonlyArray<{
    readonly aspath: { readonly string: string }
    readonly nexthops: ReadonlyArray<{ readonly ip: string }>
    readonly originatorId?: string
    readonly clusterList?: { readonly list?: ReadonlyArray<string> }
    readonly peer?: { readonly peerId?: string }
  }>
}

interface GoPath {
  readonly attrs: ReadonlyArray<{
    readonly type: number
    readonly value?: unknown
    readonly nexthop?: string
    readonly as_paths?: ReadonlyArray<{ readonly asns: ReadonlyArray<number> }>
  }>
}
