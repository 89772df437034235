// The daemon is killed in the middle of its work and started again, on the real kernel: what should stay is never missing, what should
// not is gone in the end, and a restart that changes nothing writes nothing.
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { expect } from "vitest"
import { demoPrefixes } from "../../src/runtime/demo-table.ts"
import { formatPrefixWords } from "../../src/wire/index.ts"
import { type Namespace, withNamespace } from "../support/namespace.ts"
import { requirement } from "../support/requirements.ts"
import { RouteMonitor } from "./route-monitor.ts"
import { SPEAKER } from "./speaker.ts"

const needs = requirement("root", "namespaces", "ip")

const LAUNCHER = join(import.meta.dirname, "../../bin/backwalk")
const NEXT_HOPS = ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"]

const prefixes = (from: number, to: number): ReadonlySet<string> =>
  new Set(
    demoPrefixes(to, 7)
      .slice(from)
      .map(({ words, length }) => formatPrefixWords(4, words, 0, length))
  )

class Stage {
  readonly folder = mkdtempSync(join(tmpdir(), "backwalk-killed-"))
  readonly monitor: RouteMonitor
  private readonly ours: Namespace
  private readonly theirs: Namespace
  private daemon: ChildProcess | undefined
  private speaker: ChildProcess | undefined
  private said = ""

  constructor(ours: Namespace, theirs: Namespace) {
    this.ours = ours
    this.theirs = theirs
    ours.sh(`sysctl -qw net.ipv4.nexthop_compat_mode=0
      ip link add v0 index 10 type veth peer name v1 netns ${theirs.name}
      ip link set v0 up; ip addr add 10.0.0.1/24 dev v0`)
    theirs.sh("ip link set v1 up; ip addr add 10.0.0.2/24 dev v1")
    this.monitor = new RouteMonitor(ours.path)
  }

  /** A speaker that plays prefixes `from` to `to`, by ways that hang on the seed; the configuration names its port. */
  async speak(from: number, to: number, seed: number): Promise<void> {
    await stop(this.speaker, "SIGTERM")
    const args = ["10.0.0.2", "64501", String(from), String(to), String(seed), ...NEXT_HOPS]
    const speaker = inside(this.theirs, [process.execPath, SPEAKER, ...args])
    this.speaker = speaker
    const port = await new Promise<string>((resolve, reject) => {
      speaker.stdout!.on("data", (text: Buffer) => resolve(/port (\d+)/.exec(String(text))![1]))
      speaker.once("exit", () => reject(new Error("the speaker has ended")))
    })
    const config = {
      router: { asn: 65000, id: "10.0.0.1" },
      listen: [],
      api: { socket: join(this.folder, "control.sock") },
      kernel: { table: "main", metric: 20, "on-exit": "keep" },
      peers: [{ address: "10.0.0.2", asn: 64501, port: Number(port), policy: "open", "idle-hold": 1 }]
    }
    writeFileSync(join(this.folder, "backwalk.yaml"), JSON.stringify(config))
  }

  run(): void {
    this.daemon = inside(this.ours, [LAUNCHER, "run", "--config", join(this.folder, "backwalk.yaml")])
    this.said = ""
    for (const stream of [this.daemon.stdout!, this.daemon.stderr!]) {
      stream.on("data", (text: Buffer) => {
        this.said += String(text)
      })
    }
  }

  kill(): Promise<void> {
    return stop(this.daemon, "SIGKILL")
  }

  /** Lets time pass until it is so. */
  async until(what: string, holds: () => boolean, routesMax?: number): Promise<void> {
    for (let tries = 0; ; tries++) {
      this.monitor.read(routesMax)
      if (holds()) return
      if (tries > 30_000 || this.daemon?.exitCode != null) throw new Error(`never: ${what}\n${this.said}`)
      await pause(2)
    }
  }

  /** Whether the daemon that runs now listens to questions: its predecessor, killed, has left its socket behind. */
  answers(): boolean {
    return this.said.includes("control socket")
  }

  /** Asks the looking glass. */
  show(what: string): ReadonlyArray<Record<string, unknown>> {
    const text = this.ours.sh(`${LAUNCHER} show ${what} --json --socket ${join(this.folder, "control.sock")}`)
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>)
  }

  async end(): Promise<void> {
    await stop(this.daemon, "SIGKILL")
    await stop(this.speaker, "SIGTERM")
    this.monitor.close()
    rmSync(this.folder, { recursive: true })
  }
}

const inside = ({ name }: Namespace, command: ReadonlyArray<string>): ChildProcess =>
  spawn("ip", ["netns", "exec", name, ...command], { stdio: ["ignore", "pipe", "pipe"] })

const stop = async (process: ChildProcess | undefined, signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
  if (process === undefined || process.exitCode !== null || process.signalCode !== null) return
  const ended = new Promise((resolve) => process.once("exit", resolve))
  process.kill(signal)
  await ended
}

const withStage = (tag: string, use: (stage: Stage, namespace: Namespace) => Promise<void>): Promise<void> =>
  withNamespace(`${tag}-a`, (ours) =>
    withNamespace(`${tag}-b`, async (theirs) => {
      const stage = new Stage(ours, theirs)
      try {
        await use(stage, ours)
      } finally {
        await stage.end()
      }
    })
  )

const COUNT = 100_000
const PART = 30_000
const CHANGED = 5000

needs.describe("a daemon that is killed", () => {
  needs.it(
    "in the middle of a load of 100,000 routes, and started again: no route that should stay is ever missing, and nothing stale remains",
    () =>
      withStage("killed", async (stage, namespace) => {
        const { monitor } = stage
        await stage.speak(0, COUNT, 1)
        stage.run()
        await stage.until("a part of the table is in the kernel", () => monitor.routes.size > PART, PART)
        await stage.kill()
        monitor.read()
        expect(monitor.routes.size).toBeLessThan(COUNT)
        // Meanwhile the world has moved on: some prefixes went, some came, and many have other ways.
        const wanted = prefixes(CHANGED, COUNT + CHANGED)
        monitor.expect(new Set([...monitor.routes.keys()].filter((prefix) => wanted.has(prefix))))
        await stage.speak(CHANGED, COUNT + CHANGED, 2)
        stage.run()
        await stage.until(
          "just what is wanted is in the kernel",
          () => monitor.routes.size === COUNT && monitor.deleted > 0
        )
        const left = new Set(monitor.routes.keys())
        expect({ missed: monitor.missed.size, overruns: monitor.overruns }).toEqual({ missed: 0, overruns: 0 })
        expect(left).toEqual(wanted)
        await stage.until(
          "no nexthop is left over",
          () => namespace.sh("ip nexthop | wc -l").trim() === String(2 * NEXT_HOPS.length)
        )
        expect(namespace.sh("ip -4 route show proto bgp | wc -l").trim()).toBe(String(COUNT))
      }),
    60_000
  )

  needs.it(
    "and started again with the same table writes nothing at all",
    () =>
      withStage("again", async (stage) => {
        const { monitor } = stage
        await stage.speak(0, COUNT, 1)
        stage.run()
        await stage.until("the table is in the kernel", () => monitor.routes.size === COUNT)
        await stage.kill()
        monitor.read()
        monitor.expect(new Set(monitor.routes.keys()))
        monitor.forgetCounts()
        stage.run()
        const synchronised = (): boolean => {
          const [rows] = stage.show("peers") as unknown as ReadonlyArray<
            ReadonlyArray<{ prefixes: { accepted: number } }>
          >
          return rows[0].prefixes.accepted === COUNT
        }
        await stage.until("the table is read again", () => stage.answers() && synchronised())
        await stage.until("everything is adopted", () => stage.show("kernel --waiting").length === 0)
        monitor.read()
        const { written, deleted, nexthopsWritten, nexthopsDeleted, missed } = monitor
        expect({ written, deleted, nexthopsWritten, nexthopsDeleted, missed: missed.size }).toEqual({
          written: 0,
          deleted: 0,
          nexthopsWritten: 0,
          nexthopsDeleted: 0,
          missed: 0
        })
      }),
    60_000
  )
})
