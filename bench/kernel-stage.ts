// A daemon with a kernel's namespace of its own, and beside it, in another namespace, a program in C that plays a table to it. What the
// daemon does is watched from outside, by the run time of its threads, so that nothing is asked of it while it works.
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as pause } from "node:timers/promises"
import { type Namespace, withNamespace } from "../test/support/namespace.ts"
import type { LoopGaps } from "./loop-gaps.ts"
import { tableFile, tool } from "./table.ts"

const LAUNCHER = join(import.meta.dirname, "..", "bin", "backwalk")
const GAPS = join(import.meta.dirname, "loop-gaps.ts")
const PEER = "10.99.1.1"
const ASN = 64501

/** Milliseconds of the monotonic clock, which the program in C tells its times by, too. */
export const now = (): number => Number(process.hrtime.bigint() / 1000n) / 1000

/** Run time in milliseconds, by thread. */
type RunTimes = ReadonlyMap<string, number>

export interface Load {
  /** From the first byte of the table to the last work of the daemon, in milliseconds. */
  readonly wall: number
  readonly startedAt: number
  readonly endedAt: number
  /** CPU time of all threads, and of the one that sends to the kernel, in milliseconds. */
  readonly cpu: number
  readonly sending: number
}

export class KernelStage {
  readonly ours: Namespace
  private readonly theirs: Namespace
  private readonly folder = mkdtempSync(join(tmpdir(), "backwalk-kernel-bench-"))
  private daemon: ChildProcess | undefined
  private player: ChildProcess | undefined
  private heard = ""

  constructor(ours: Namespace, theirs: Namespace) {
    this.ours = ours
    this.theirs = theirs
    ours.sh(`sysctl -qw net.ipv4.nexthop_compat_mode=0
      ip link add v0 type veth peer name v1 netns ${theirs.name}
      ip link set v0 up; ip addr add 10.99.0.1/16 dev v0`)
    theirs.sh(`ip link set v1 up; ip addr add ${PEER}/16 dev v1`)
  }

  /** Starts the daemon; returns when it listens. */
  async run(withKernel: boolean): Promise<void> {
    const config = {
      router: { asn: 65000, id: "10.99.0.1" },
      listen: ["10.99.0.1:179"],
      api: { socket: join(this.folder, "control.sock") },
      ...(withKernel ? { kernel: { table: "main", "on-exit": "keep" } } : {}),
      peers: [{ address: PEER, asn: ASN, passive: true, policy: "open", "hold-time": 240 }]
    }
    writeFileSync(join(this.folder, "backwalk.yaml"), JSON.stringify(config))
    const env = { NODE_OPTIONS: `--import=${GAPS}`, BACKWALK_LOOP_GAPS: this.gapsFile }
    const daemon = this.inside(this.ours, [LAUNCHER, "run", "--config", join(this.folder, "backwalk.yaml")], env)
    this.daemon = daemon
    let said = ""
    await new Promise<void>((resolve, reject) => {
      daemon.stderr!.on("data", (text: Buffer) => {
        said += String(text)
        if (said.includes("listening on")) resolve()
      })
      daemon.once("exit", (code) => reject(new Error(`the daemon ended with ${code}: ${said}`)))
    })
  }

  /** Brings a session up. */
  async connect(prefixes: number): Promise<void> {
    const file = tableFile(prefixes, ASN)
    const player = this.inside(this.theirs, [
      tool("blaster"),
      "-r",
      "10.99.0.1",
      "-s",
      `${PEER},${ASN},${PEER},${file}`
    ])
    this.player = player
    this.heard = ""
    player.stdout!.on("data", (text: Buffer) => {
      this.heard += String(text)
    })
    await this.hears("EST")
  }

  /** Plays the table, and waits until the daemon has nothing to do any more. */
  async play(): Promise<Load> {
    const before = this.runTimes()
    this.player!.stdin!.write("go\n")
    const startedAt = await this.hears("START")
    const endedAt = await this.idle()
    const after = this.runTimes()
    const spent = [...after].map(([thread, time]) => [thread, time - (before.get(thread) ?? 0)] as const)
    const helpers = spent.filter(([thread]) => this.nameOf(thread) === "libuv-worker").map(([, time]) => time)
    const cpu = spent.reduce((sum, [, time]) => sum + time, 0)
    // The pool's threads take turns.
    const sending = helpers.reduce((sum, time) => sum + time, 0)
    return { wall: endedAt - startedAt, startedAt, endedAt, cpu, sending }
  }

  /** When the daemon did its last work before half a second without any. */
  async idle(): Promise<number> {
    let [last, used] = [now(), this.used()]
    while (now() - last < QUIET_MS) {
      await pause(STEP_MS)
      const total = this.used()
      // The timer that is late by nothing takes a little, too.
      if (total - used > STEP_MS * IDLE_SHARE) last = now()
      used = total
    }
    return last
  }

  get pid(): number {
    return this.daemon!.pid!
  }

  /** Resident megabytes, now and at most. */
  memory(): { readonly now: number; readonly most: number } {
    const text = readFileSync(`/proc/${this.pid}/status`, "utf8")
    const of = (key: string): number => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(text)![1]) / 1024
    return { now: of("VmRSS"), most: of("VmHWM") }
  }

  /** The longest gap in the event loop that ended between these times, and the most that the thread ran in one. In words. */
  async longestGap(from: number, to: number): Promise<string> {
    await pause(1100)
    const { gaps } = JSON.parse(readFileSync(this.gapsFile, "utf8")) as LoopGaps
    const those = gaps.filter(([at]) => at >= from && at <= to)
    const longest = Math.max(0, ...those.map(([, length]) => length))
    const ran = Math.max(0, ...those.map(([, , share]) => share))
    return `${longest.toFixed(0)} ms (it ran ${ran.toFixed(0)} at most)`
  }

  /** Prefixes in the kernel's IPv4 table. */
  routes(): number {
    return Number(/Prefixes:\s+(\d+)/.exec(readFileSync(`/proc/${this.pid}/net/fib_triestat`, "utf8"))![1])
  }

  show(what: string): ReadonlyArray<unknown> {
    const text = this.ours.sh(`${LAUNCHER} show ${what} --json --socket ${join(this.folder, "control.sock")}`)
    return text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as unknown)
  }

  async stop(signal: "SIGKILL" | "SIGTERM"): Promise<void> {
    for (const process of [this.daemon, this.player]) {
      if (process === undefined || process.exitCode !== null || process.signalCode !== null) continue
      const ended = new Promise((resolve) => process.once("exit", resolve))
      process.kill(signal)
      await ended
    }
  }

  async end(): Promise<void> {
    await this.stop("SIGKILL")
    rmSync(this.folder, { recursive: true })
  }

  private get gapsFile(): string {
    return join(this.folder, "gaps.json")
  }

  private async hears(word: string): Promise<number> {
    for (;;) {
      const found = new RegExp(`^${word} (\\d+)`, "m").exec(this.heard)
      if (found !== null) return Number(found[1]) / 1e6
      if (this.player!.exitCode !== null) throw new Error(`the player has ended: ${this.heard}`)
      await pause(2)
    }
  }

  private used(): number {
    return [...this.runTimes().values()].reduce((sum, time) => sum + time, 0)
  }

  private runTimes(): RunTimes {
    const tasks = `/proc/${this.pid}/task`
    return new Map(
      readdirSync(tasks).map((task) => [
        task,
        Number(readFileSync(join(tasks, task, "schedstat"), "utf8").split(" ")[0]) / 1e6
      ])
    )
  }

  private nameOf(thread: string): string {
    return readFileSync(`/proc/${this.pid}/task/${thread}/comm`, "utf8").trim()
  }

  private inside(namespace: Namespace, command: ReadonlyArray<string>, env: Record<string, string> = {}): ChildProcess {
    return spawn("nsenter", [`--net=${namespace.path}`, ...command], { env: { ...process.env, ...env } })
  }
}

const STEP_MS = 20
const QUIET_MS = 500
const IDLE_SHARE = 0.15

export const withStage = (use: (stage: KernelStage) => Promise<void>): Promise<void> =>
  withNamespace("bench-a", (ours) =>
    withNamespace("bench-b", async (theirs) => {
      const stage = new KernelStage(ours, theirs)
      try {
        await use(stage)
      } finally {
        await stage.end()
      }
    })
  )
