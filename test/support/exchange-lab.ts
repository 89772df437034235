// An exchange: Backwalk in one namespace; BIRD, FRR and GoBGP in the other, each at its own address, all announcing one prefix. What they
// hold of it from Backwalk is asked of each with its own tools, as a set of next hops: whose path it is.
import { execFileSync } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { executableOf } from "./available.ts"
import { eventually, InteropLab, LINK, OUR_ADDRESS, OUR_AS, runCommand } from "./interop-lab.ts"

export const SHARED = "100.64.0.0/24"
const LAUNCHER = join(import.meta.dirname, "../../bin/backwalk")

export type Speaker = "bird" | "frr" | "gobgp"

interface Identity {
  readonly address: string
  readonly asn: number
  /** Of its path. Nobody has this address: the speakers share a namespace, and none takes a next hop that is an address of its own. */
  readonly nextHop: string
}

/** In the order in which ties are broken: by identifier. */
export const SPEAKERS: Readonly<Record<Speaker, Identity>> = {
  bird: { address: "10.77.0.11", asn: 64511, nextHop: "10.77.0.21" },
  frr: { address: "10.77.0.12", asn: 64512, nextHop: "10.77.0.22" },
  gobgp: { address: "10.77.0.13", asn: 64513, nextHop: "10.77.0.23" }
}

export interface ExchangeOptions {
  readonly type: "route-server-client" | "route-reflector-client"
  /** Paths for each: 0 for the best one, without identifiers. */
  readonly send: number | "all"
}

export class Exchange {
  private readonly lab: InteropLab
  private readonly options: ExchangeOptions

  constructor(options: ExchangeOptions) {
    this.options = options
    this.lab = new InteropLab("exchange")
  }

  async start(): Promise<void> {
    for (const { address } of Object.values(SPEAKERS)) {
      await this.lab.ip("theirs", "address", "add", `${address}/24`, "dev", LINK)
    }
    this.startBackwalk()
    await this.startBird()
    await this.startFrr()
    await this.startGobgp()
  }

  /** The next hop of each path of the shared prefix that a speaker has from Backwalk, sorted. */
  async held(by: Speaker): Promise<ReadonlyArray<string>> {
    const nextHops = by === "bird" ? this.heldByBird() : by === "frr" ? this.heldByFrr() : this.heldByGobgp()
    return [...(await nextHops)].sort()
  }

  async withdrawFromBird(): Promise<void> {
    await this.birdc("disable", "announced")
  }

  async announceFromBird(): Promise<void> {
    await this.birdc("enable", "announced")
  }

  /** Every speaker asks Backwalk for everything again (RFC 2918). */
  async askAgain(): Promise<void> {
    await this.birdc("reload", "in", "backwalk")
    await this.vtysh(`clear bgp ipv4 unicast ${OUR_ADDRESS} soft in`)
    await this.gobgp("neighbor", OUR_ADDRESS, "softresetin")
  }

  said(): string {
    return this.lab.said()
  }

  close(): Promise<void> {
    return this.lab.close()
  }

  private asnOf(speaker: Speaker): number {
    return this.options.type === "route-reflector-client" ? OUR_AS : SPEAKERS[speaker].asn
  }

  private startBackwalk(): void {
    const { type, send } = this.options
    const peers = (Object.keys(SPEAKERS) as ReadonlyArray<Speaker>).map((speaker) => ({
      address: SPEAKERS[speaker].address,
      asn: this.asnOf(speaker),
      type,
      passive: true,
      "add-path": { send }
    }))
    const config = {
      router: { asn: OUR_AS, id: OUR_ADDRESS },
      listen: [`${OUR_ADDRESS}:179`],
      api: { socket: this.lab.path("control.sock") },
      peers
    }
    // JSON is YAML.
    writeFileSync(this.lab.path("backwalk.yaml"), JSON.stringify(config))
    this.lab.start("ours", "backwalk", [LAUNCHER, "run", "--config", this.lab.path("backwalk.yaml")])
  }

  private async startBird(): Promise<void> {
    const { address, nextHop } = SPEAKERS.bird
    const paths = this.options.send === 0 ? "" : "add paths rx;"
    writeFileSync(
      this.lab.path("bird.conf"),
      `router id ${address};
protocol device { }
protocol static announced { ipv4; route ${SHARED} blackhole; }
protocol bgp backwalk {
  local ${address} as ${this.asnOf("bird")};
  neighbor ${OUR_ADDRESS} as ${OUR_AS};
  connect retry time 1; connect delay time 1; error wait time 1, 2;
  strict bind yes; enforce first as off;
  ipv4 { import all; export where source = RTS_STATIC; next hop address ${nextHop}; ${paths} };
}
`
    )
    const options = [
      "-f",
      "-c",
      this.lab.path("bird.conf"),
      "-s",
      this.lab.path("bird.ctl"),
      "-P",
      this.lab.path("pid")
    ]
    this.lab.start("theirs", "bird", [executableOf("bird"), ...options], true)
    await eventually("BIRD to answer", async () => (await this.birdc("show", "status")).includes("up and running"))
  }

  private async startFrr(): Promise<void> {
    const { address, nextHop } = SPEAKERS.frr
    const directory = this.lab.path("frr")
    mkdirSync(directory, { recursive: true })
    execFileSync("chown", ["-R", "frr:frr", directory])
    writeFileSync(this.lab.path("frr/zebra.conf"), "hostname zebra\n")
    writeFileSync(
      this.lab.path("frr/bgpd.conf"),
      `router bgp ${this.asnOf("frr")}
 bgp router-id ${address}
 no bgp ebgp-requires-policy
 no bgp network import-check
 no bgp enforce-first-as
 neighbor ${OUR_ADDRESS} remote-as ${OUR_AS}
 neighbor ${OUR_ADDRESS} update-source ${address}
 neighbor ${OUR_ADDRESS} timers connect 1
 neighbor ${OUR_ADDRESS} advertisement-interval 0
 address-family ipv4 unicast
  network ${SHARED}
  neighbor ${OUR_ADDRESS} soft-reconfiguration inbound
  neighbor ${OUR_ADDRESS} route-map out out
 exit-address-family
route-map out permit 10
 set ip next-hop ${nextHop}
`
    )
    const options = (daemon: string): ReadonlyArray<string> => [
      ...["-u", "frr", "-g", "frr", "-f", `${directory}/${daemon}.conf`, "-i", `${directory}/${daemon}.pid`],
      ...["-A", "127.0.0.1", "-P", "0", "--vty_socket", directory, "-z", `${directory}/zserv.api`]
    ]
    this.lab.start("theirs", "zebra", ["/usr/lib/frr/zebra", ...options("zebra")], true)
    await eventually("zebra to answer", async () => (await this.vtysh("show interface brief")).includes(LINK))
    this.lab.start("theirs", "bgpd", ["/usr/lib/frr/bgpd", ...options("bgpd"), "-n", "-l", address], true)
  }

  private async startGobgp(): Promise<void> {
    const { address } = SPEAKERS.gobgp
    const paths =
      this.options.send === 0
        ? ""
        : '[[neighbors.afi-safis]]\n  [neighbors.afi-safis.config]\n   afi-safi-name = "ipv4-unicast"\n  [neighbors.afi-safis.add-paths.config]\n   receive = true\n'
    writeFileSync(
      this.lab.path("gobgp.toml"),
      `[global.config]
 as = ${this.asnOf("gobgp")}
 router-id = "${address}"
 port = -1
[[neighbors]]
 [neighbors.config]
  neighbor-address = "${OUR_ADDRESS}"
  peer-as = ${OUR_AS}
 [neighbors.transport.config]
  local-address = "${address}"
 [neighbors.timers.config]
  connect-retry = 1
  idle-hold-time-after-reset = 1
 ${paths}
`
    )
    const socket = `unix://${this.lab.path("gobgp.sock")}`
    const options = ["-f", this.lab.path("gobgp.toml"), "--pprof-disable", "--api-hosts", socket]
    this.lab.start("theirs", "gobgp", [executableOf("gobgpd"), ...options], true)
    await eventually("gobgpd to answer", async () => (await this.gobgp("global")) !== "")
    await this.gobgp("global", "rib", "add", SHARED, "nexthop", SPEAKERS.gobgp.nextHop)
  }

  private async heldByBird(): Promise<ReadonlyArray<string>> {
    const table = await this.birdc("show", "route", SHARED, "protocol", "backwalk", "all")
    return [...table.matchAll(/BGP\.next_hop: (\S+)/g)].map((match) => match[1])
  }

  private async heldByFrr(): Promise<ReadonlyArray<string>> {
    const answer = await this.vtysh(`show bgp ipv4 unicast ${SHARED} json`)
    const { paths = [] } = JSON.parse(answer) as {
      readonly paths?: ReadonlyArray<{
        readonly peer: { readonly peerId: string }
        readonly nexthops: ReadonlyArray<{ readonly ip: string }>
      }>
    }
    return paths.filter(({ peer }) => peer.peerId === OUR_ADDRESS).map(({ nexthops }) => nexthops[0].ip)
  }

  private async heldByGobgp(): Promise<ReadonlyArray<string>> {
    const answer = (await this.gobgp("neighbor", OUR_ADDRESS, "adj-in", "-j")).trim()
    if (!answer.startsWith("{")) return []
    const table = JSON.parse(answer) as Readonly<Record<string, ReadonlyArray<GobgpPath>>>
    return (table[SHARED] ?? []).map(({ attrs }) => attrs.find(({ type }) => type === NEXT_HOP)!.nexthop!)
  }

  private birdc(...words: ReadonlyArray<string>): Promise<string> {
    return said([executableOf("birdc"), "-s", this.lab.path("bird.ctl"), ...words])
  }

  private vtysh(command: string): Promise<string> {
    return said([executableOf("vtysh"), "--vty_socket", this.lab.path("frr"), "-c", command])
  }

  private gobgp(...words: ReadonlyArray<string>): Promise<string> {
    return said([executableOf("gobgp"), "--target", `unix://${this.lab.path("gobgp.sock")}`, ...words])
  }
}

interface GobgpPath {
  readonly attrs: ReadonlyArray<{ readonly type: number; readonly nexthop?: string }>
}

const NEXT_HOP = 3

const said = async (command: ReadonlyArray<string>): Promise<string> => (await runCommand(command)).stdout
