// One hub that learns a table from BIRD, and followers in network namespaces of their own: each ends with the hub's routes in its own kernel,
// follows a change, and keeps forwarding when the hub is killed.
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterEach, expect } from "vitest"
import { executableOf } from "../support/available.ts"
import { requirement } from "../support/requirements.ts"
import { until } from "../support/running-daemon.ts"

const FOLLOWERS = 20
const ROUTES = 1000
const LAUNCHER = join(import.meta.dirname, "../../bin/backwalk")

/** Where all routes lead. The hub has the link, followers a route to the hub. */
const NEXT_HOP = "10.200.0.1"

class Site {
  readonly folder = mkdtempSync(join(tmpdir(), "backwalk-site-"))
  readonly #processes: Array<ChildProcess> = []
  readonly #namespaces: Array<string> = []

  namespace(name: string): string {
    const full = `bwfo-${process.pid}-${name}`
    execFileSync("ip", ["netns", "add", full])
    this.#namespaces.push(full)
    execFileSync("ip", ["-n", full, "link", "set", "lo", "up"])
    return full
  }

  start(namespace: string, name: string, command: ReadonlyArray<string>): ChildProcess {
    const out = openSync(join(this.folder, `${name}.out`), "w")
    const started = spawn("ip", ["netns", "exec", namespace, ...command], {
      stdio: ["ignore", out, out],
      detached: true
    })
    this.#processes.push(started)
    return started
  }

  /** With `fanout` and whatever else; its control socket is in a folder of its own. */
  daemon(namespace: string, name: string, config: string): ChildProcess {
    mkdirSync(join(this.folder, name))
    const file = join(this.folder, `${name}.yaml`)
    writeFileSync(file, `${config}\napi: { socket: ${join(this.folder, name, "control.sock")} }\n`)
    return this.start(namespace, name, [LAUNCHER, "run", "--config", file])
  }

  said(name: string): string {
    return readFileSync(join(this.folder, `${name}.out`), "utf8")
  }

  close(): void {
    for (const { pid, exitCode, signalCode } of this.#processes) {
      if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, "SIGKILL")
    }
    for (const namespace of this.#namespaces) {
      const pids = execFileSync("ip", ["netns", "pids", namespace], { encoding: "utf8" }).split("\n")
      for (const pid of pids) if (pid !== "") process.kill(Number(pid), "SIGKILL")
      execFileSync("ip", ["netns", "del", namespace])
    }
    rmSync(this.folder, { recursive: true, force: true })
  }
}

const run = promisify(execFile)

/** Prefixes that BGP or a hub put there. */
const tableOf = async (namespace: string): Promise<string> => {
  const { stdout } = await run("ip", ["-n", namespace, "route", "show", "proto", "bgp"], { maxBuffer: 1 << 24 })
  const prefixes = stdout.split("\n").map((line) => line.split(" ")[0])
  return prefixes
    .filter((prefix) => prefix.startsWith("20."))
    .sort()
    .join("\n")
}

const birdConfig = (routes: number): string => `
router id 127.0.0.2;
protocol device { }
protocol static {
  ipv4;
${Array.from({ length: routes }, (_, n) => `  route 20.${n >> 8}.${n & 255}.0/24 blackhole;`).join("\n")}
}
protocol bgp hub {
  local 127.0.0.2 port 1179 as 65002;
  neighbor 127.0.0.1 port 1180 as 65001;
  multihop 2;
  strict bind yes;
  connect delay time 1;
  connect retry time 1;
  ipv4 { import none; export filter { bgp_next_hop = ${NEXT_HOP}; accept; }; };
}
`

let site: Site | undefined
afterEach(() => {
  site?.close()
  site = undefined
})

const needs = requirement("root", "namespaces", "ip", "bird")

needs.describe("a hub and its followers", () => {
  needs.it(
    `have the same routes in ${FOLLOWERS + 1} kernels, and the followers keep theirs without the hub`,
    async () => {
      const here = new Site()
      site = here
      const hubSide = here.namespace("hub")
      const followers = Array.from({ length: FOLLOWERS }, (_, index) => {
        const namespace = here.namespace(`f${index}`)
        const link = ["link", "add", `f${index}`, "type", "veth", "peer", "name", "hub", "netns", namespace]
        execFileSync("ip", ["-n", hubSide, ...link])
        for (const [side, device, address] of [
          [hubSide, `f${index}`, `10.1.${index}.1/24`],
          [namespace, "hub", `10.1.${index}.2/24`]
        ]) {
          execFileSync("ip", ["-n", side, "address", "add", address, "dev", device])
          execFileSync("ip", ["-n", side, "link", "set", device, "up"])
        }
        return namespace
      })
      execFileSync("ip", ["-n", hubSide, "address", "add", "10.200.0.2/24", "dev", "f0"])
      const birdFile = join(here.folder, "bird.conf")
      const control = join(here.folder, "bird.ctl")
      writeFileSync(birdFile, birdConfig(ROUTES))
      here.start(hubSide, "bird", [executableOf("bird"), "-f", "-c", birdFile, "-s", control])
      const hub = here.daemon(
        hubSide,
        "hub",
        `router: { asn: 65001, id: 10.200.0.2 }
listen: ["127.0.0.1:1180"]
kernel: {}
peers: [{ address: 127.0.0.2, asn: 65002, port: 1179, multihop: 2, policy: open, local-address: 127.0.0.1 }]
fanout: { serve: { listen: ["0.0.0.0:5473"] } }`
      )
      for (const [index, namespace] of followers.entries()) {
        here.daemon(
          namespace,
          `f${index}`,
          `router: { asn: 65001, id: 10.1.${index}.2 }
listen: ["127.0.0.1:1180"]
kernel: {}
static: [{ prefix: 10.200.0.0/24, via: [10.1.${index}.1] }]
fanout: { follow: { hubs: ["10.1.${index}.1:5473"] } }`
        )
      }
      const everyTable = async (): Promise<ReadonlyArray<string>> => Promise.all([hubSide, ...followers].map(tableOf))
      const all = (count: number) => async (): Promise<boolean> => {
        const tables = await everyTable()
        return tables.every((table) => table === tables[0]) && tables[0].split("\n").length === count
      }
      await until(`${ROUTES} routes everywhere; the hub said ${here.said("hub")}`, all(ROUTES), 120)
      writeFileSync(birdFile, birdConfig(ROUTES / 2))
      await run(executableOf("birdc"), ["-s", control, "configure"])
      await until("half of the routes are gone everywhere", all(ROUTES / 2), 60)
      const before = await everyTable()
      process.kill(-hub.pid!, "SIGKILL")
      await until("the followers know", () =>
        followers.every((_, index) => here.said(`f${index}`).includes("the table stays as it is"))
      )
      expect((await everyTable()).slice(1)).toEqual(before.slice(1))
    },
    240_000
  )
})
