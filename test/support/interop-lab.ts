// A laboratory of two network namespaces joined by a link: Backwalk lives in one, somebody else's daemon in the other. Everything in it
// is gone when it is closed, also when a test failed or the runner is ended: processes by the groups that we started, namespaces by the
// names that we gave. Waiting is polling for a condition until a deadline that only a failure reaches.
import { type ChildProcess, execFile, execFileSync, spawn, spawnSync } from "node:child_process"
import { appendFileSync, chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"

export const OUR_ADDRESS = "10.77.0.1"
export const THEIR_ADDRESS = "10.77.0.2"
export const OUR_AS = 65001
export const THEIR_AS = 65002
/** The link's name on both sides. */
export const LINK = "link0"

/** The last two exist once they were added. */
export type Side = "ours" | "theirs" | "third" | "fourth"

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export class InteropLab {
  /** Files of this run; readable for daemons that drop root. */
  readonly directory: string
  private readonly names: Readonly<Record<Side, string>>
  private readonly processes = new Set<LabProcess>()
  private readonly added: Array<string> = []
  private isClosed = false

  constructor(name: string) {
    this.directory = mkdtempSync(join(tmpdir(), `backwalk-interop-${name}-`))
    chmodSync(this.directory, 0o755)
    removeAbandoned()
    const stem = `${TAG}-${process.pid}-${nextLab++}`
    this.names = { ours: `${stem}-a`, theirs: `${stem}-b`, third: `${stem}-c`, fourth: `${stem}-d` }
    process.once("exit", this.closeNow)
    const { ours, theirs } = this.names
    for (const namespace of [ours, theirs]) execFileSync("ip", ["netns", "add", namespace])
    execFileSync("ip", ["-n", ours, "link", "add", LINK, "type", "veth", "peer", "name", LINK, "netns", theirs])
    for (const [namespace, address] of [
      [ours, OUR_ADDRESS],
      [theirs, THEIR_ADDRESS]
    ]) {
      execFileSync("ip", ["-n", namespace, "link", "set", "lo", "up"])
      execFileSync("ip", ["-n", namespace, "address", "add", `${address}/24`, "dev", LINK])
      execFileSync("ip", ["-n", namespace, "link", "set", LINK, "up"])
    }
  }

  /** More neighbours on the same link: a bridge in the far namespace joins them, and has its address from then on. */
  add(...sides: ReadonlyArray<readonly [side: "third" | "fourth", address: string]>): void {
    const { theirs } = this.names
    const far = (...args: ReadonlyArray<string>) => execFileSync("ip", ["-n", theirs, ...args])
    far("link", "add", BRIDGE, "type", "bridge")
    far("address", "del", `${THEIR_ADDRESS}/24`, "dev", LINK)
    far("link", "set", LINK, "master", BRIDGE)
    far("address", "add", `${THEIR_ADDRESS}/24`, "dev", BRIDGE)
    far("link", "set", BRIDGE, "up")
    for (const [side, address] of sides) {
      const name = this.names[side]
      execFileSync("ip", ["netns", "add", name])
      this.added.push(name)
      far("link", "add", side, "type", "veth", "peer", "name", LINK, "netns", name)
      far("link", "set", side, "master", BRIDGE, "up")
      execFileSync("ip", ["-n", name, "link", "set", "lo", "up"])
      execFileSync("ip", ["-n", name, "address", "add", `${address}/24`, "dev", LINK])
      execFileSync("ip", ["-n", name, "link", "set", LINK, "up"])
    }
  }

  path(file: string): string {
    return join(this.directory, file)
  }

  /** The command line that runs a program in a namespace. `privateRun`: with a `/run` of its own. */
  inside(side: Side, command: ReadonlyArray<string>, privateRun = false): ReadonlyArray<string> {
    const enter = ["ip", "netns", "exec", this.names[side]]
    if (!privateRun) return [...enter, ...command]
    const script = 'mount -t tmpfs tmpfs /run && mkdir -p /run/openbgpd /run/frr && exec "$@"'
    return [...enter, "unshare", "-m", "--propagation", "private", "sh", "-c", script, "sh", ...command]
  }

  /** Runs a program to its end. */
  run(side: Side, ...command: ReadonlyArray<string>): Promise<Ran> {
    return runCommand(this.inside(side, command))
  }

  ip(side: Side, ...args: ReadonlyArray<string>): Promise<Ran> {
    return runCommand(["ip", "-n", this.names[side], ...args])
  }

  /** Starts a daemon; what it says goes to `NAME.out`. */
  start(side: Side, name: string, command: ReadonlyArray<string>, privateRun = false): LabProcess {
    const started = new LabProcess(this.path(`${name}.out`), this.inside(side, command, privateRun))
    this.processes.add(started)
    return started
  }

  /** What everything here has said, for the message of a test that failed. */
  said(): string {
    return [...this.processes].map((each) => `--- ${each.output}\n${each.said().slice(-4000)}`).join("\n")
  }

  async close(): Promise<void> {
    await Promise.all([...this.processes].map((each) => each.kill()))
    this.closeNow()
    process.off("exit", this.closeNow)
  }

  private readonly closeNow = (): void => {
    if (this.isClosed) return
    this.isClosed = true
    for (const each of this.processes) each.signal("SIGKILL")
    for (const name of [this.names.ours, this.names.theirs, ...this.added]) removeNamespace(name)
    if (process.env["BACKWALK_KEEP_LAB"] === undefined) rmSync(this.directory, { recursive: true, force: true })
  }
}

const TAG = "bwio"
const BRIDGE = "bridge0"

/** Everything that runs in a namespace of ours, and the namespace. */
const removeNamespace = (name: string): void => {
  const pids = spawnSync("ip", ["netns", "pids", name], { encoding: "utf8" }).stdout ?? ""
  for (const pid of pids.split("\n").filter((line) => line !== "")) signalOne(Number(pid), "SIGKILL")
  spawnSync("ip", ["netns", "del", name])
}

/** What a runner that was killed has left behind: namespaces that name a process which is gone. */
const removeAbandoned = (): void => {
  const names = spawnSync("ip", ["netns", "list"], { encoding: "utf8" }).stdout ?? ""
  for (const [name, pid] of names.matchAll(new RegExp(`^${TAG}-(\\d+)-\\d+-[a-d]`, "gm"))) {
    if (!existsSync(`/proc/${pid}`)) removeNamespace(name)
  }
}

let nextLab = 0

/** A daemon under test and whatever it has forked, as one process group. */
export class LabProcess {
  readonly output: string
  private readonly child: ChildProcess
  private readonly ended: Promise<number>

  constructor(output: string, command: ReadonlyArray<string>) {
    this.output = output
    const [file, ...args] = command
    // Whoever reads what was freed reads poison (src/runtime/verify.ts).
    const env = { ...process.env, BACKWALK_VERIFY: "yes" }
    this.child = spawn(file, args, { detached: true, stdio: ["ignore", "pipe", "pipe"], env })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on("data", (chunk: Buffer) => existsSync(join(output, "..")) && appendFileSync(output, chunk))
    }
    this.ended = new Promise((resolve) => {
      this.child.once("error", () => resolve(127))
      this.child.once("exit", (code) => resolve(code ?? 1))
    })
  }

  get isRunning(): boolean {
    return this.child.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null
  }

  said(): string {
    return existsSync(this.output) ? readFileSync(this.output, "utf8") : ""
  }

  /** To the whole group: engines of a daemon stop and go on together. */
  signal(signal: NodeJS.Signals): void {
    if (this.child.pid !== undefined) signalOne(-this.child.pid, signal)
  }

  /** To the daemon itself. */
  tell(signal: NodeJS.Signals): void {
    if (this.child.pid !== undefined) signalOne(this.child.pid, signal)
  }

  exit(): Promise<number> {
    return this.ended
  }

  async kill(): Promise<void> {
    if (!this.isRunning) return
    this.signal("SIGKILL")
    await this.ended
  }

  /** Asks it to end, and insists after a while. */
  async end(): Promise<number> {
    this.tell("SIGTERM")
    const insist = setTimeout(() => this.signal("SIGKILL"), 20_000)
    const code = await this.ended
    clearTimeout(insist)
    this.signal("SIGKILL")
    return code
  }
}

const signalOne = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal)
  } catch {
    // It is gone already, which is what a signal to it would have been for.
  }
}

export const runCommand = (command: ReadonlyArray<string>): Promise<Ran> =>
  new Promise((resolve) => {
    const [file, ...args] = command
    execFile(file, args, { maxBuffer: 256 * 1024 * 1024, timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1
      resolve({ code, stdout, stderr })
    })
  })

/** Waits until `probe` gives something other than undefined or false. A deadline missed is a failure with what was being waited for. */
export const eventually = async <A>(
  what: string,
  probe: () => Promise<A | undefined | false> | A | undefined | false,
  timeoutMs = 30_000
): Promise<A> => {
  const deadline = performance.now() + timeoutMs
  let last = ""
  for (;;) {
    try {
      const found = await probe()
      if (found !== undefined && found !== false) return found
    } catch (cause) {
      last = cause instanceof Error ? `: ${cause.message}` : ""
    }
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}${last}`)
    await delay(POLL_MS)
  }
}

const POLL_MS = 100
