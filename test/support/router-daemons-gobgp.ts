// GoBGP. Its routes come from a table dump (MRT, RFC 6396) that we write, because its command line announces them one by one; what is
// withdrawn is withdrawn one by one.
import { writeFileSync } from "node:fs"
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
  readonly thaw = (): void => this.process?.signal("SIGCONT")

  readonly isEstablished = async (): Promise<boolean> => {
    const { stdout } = await this.ask("neighbor", OUR_ADDRESS)
    return /BGP state = ESTABLISHED/i.test(stdout)
  }

  readonly received = async (): Promise<ReadonlySet<string>> => {
    const { stdout } = await this.ask("neighbor", OUR_ADDRESS, "adj-in", "-j")
    return new Set(stdout.trim() === "" ? [] : Object.keys(JSON.parse(stdout) as object))
  }

  readonly announce = async (prefixes: ReadonlyArray<string>): Promise<void> => {
    if (prefixes.length === 0) return
    for (const prefix of prefixes) this.announced.add(prefix)
    const file = this.lab.path("gobgp.mrt")
    writeFileSync(file, tableDump([...prefixes, ...Array.from({ length: PADDING }, () => prefixes[0])]))
    // It ends when it has read the file, whatever still waits in its queue: a queue of one, and padding that may be lost.
    await this.must("mrt", "inject", "global", "--queue-size", "1", file)
  }

  readonly withdraw = async (prefixes: ReadonlyArray<string>): Promise<void> => {
    for (const prefix of prefixes) {
      this.announced.delete(prefix)
      await this.must("global", "rib", "del", "-a", "ipv4", prefix)
    }
  }

  readonly shutSession = (): Promise<void> => this.must("neighbor", OUR_ADDRESS, "disable")
  readonly openSession = (): Promise<void> => this.must("neighbor", OUR_ADDRESS, "enable")

  private get socket(): string {
    return this.lab.path("gobgp.sock")
  }

  private ask(...words: ReadonlyArray<string>): Promise<Ran> {
    return runCommand([executableOf("gobgp"), "--target", `unix://${this.socket}`, ...words])
  }

  private async must(...words: ReadonlyArray<string>): Promise<void> {
    const ran = await this.ask(...words)
    if (ran.code !== 0) throw new Error(`gobgp ${words.join(" ")}: ${ran.stdout}${ran.stderr}`)
  }
}

/** TABLE_DUMP_V2 with one peer (RFC 6396 §4.3), every prefix originated here. */
const tableDump = (prefixes: ReadonlyArray<string>): Buffer => {
  const address = bytesOf(THEIR_ADDRESS)
  const peerTable = [...address, 0, 0, 0, 1, 2, ...address, ...address, ...u32(THEIR_AS)]
  const attributes = [0x40, 1, 1, 0, 0x40, 2, 0, 0x40, 3, 4, ...address]
  const entry = [0, 1, 0, 0, 0, 0, 0, 0, 0, attributes.length, ...attributes]
  const records = prefixes.map((prefix, index) => {
    const [text, length] = prefix.split("/")
    const nlri = [Number(length), ...bytesOf(text).slice(0, Math.ceil(Number(length) / 8))]
    return mrtRecord(RIB_IPV4_UNICAST, [...u32(index), ...nlri, ...entry])
  })
  return Buffer.concat([mrtRecord(PEER_INDEX_TABLE, peerTable), ...records])
}

const mrtRecord = (subtype: number, body: ReadonlyArray<number>): Buffer =>
  Buffer.from([0, 0, 0, 0, 0, TABLE_DUMP_V2, 0, subtype, ...u32(body.length), ...body])

const u32 = (value: number): ReadonlyArray<number> => [
  value >>> 24,
  (value >>> 16) & 255,
  (value >>> 8) & 255,
  value & 255
]
const bytesOf = (address: string): ReadonlyArray<number> => address.split(".").map(Number)

const TABLE_DUMP_V2 = 13
const PEER_INDEX_TABLE = 1
const RIB_IPV4_UNICAST = 2
/** More than the reader has in hand when it ends. */
const PADDING = 50
