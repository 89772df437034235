// The Go program that plays both ends of the followers' protocol with Go's own encoding/gob. Built once per run from a copy of its sources,
// without a network: it needs nothing but Go's standard library.
import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { executableOf, GOBPEER_SOURCES } from "./available.ts"

export type PeerLine = Readonly<Record<string, unknown>>

/** The binary. A second caller, also in another process, finds what the first has built. */
export const buildGobPeer = (): string => {
  const folder = join(tmpdir(), `backwalk-gobpeer-${process.getuid?.() ?? 0}`)
  const binary = join(folder, "gobpeer")
  if (existsSync(binary)) return binary
  const work = join(folder, `work-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  cpSync(GOBPEER_SOURCES, work, { recursive: true, mode: 0 })
  execFileSync(executableOf("go"), ["build", "-buildvcs=false", "-o", `${work}.out`, "."], {
    cwd: work,
    env: {
      ...process.env,
      GO111MODULE: "on",
      GOFLAGS: "-mod=mod",
      GOPROXY: "off",
      GOCACHE: join(folder, "cache"),
      CGO_ENABLED: "0"
    }
  })
  // The copy has the modes of the original, which may be read-only.
  execFileSync("chmod", ["-R", "u+w", work])
  rmSync(work, { recursive: true })
  renameSync(`${work}.out`, binary)
  return binary
}

/** Runs a command to its end; its lines. */
export const askGobPeer = (args: ReadonlyArray<string>, input: string | Uint8Array): Uint8Array =>
  new Uint8Array(execFileSync(buildGobPeer(), args, { input, stdio: ["pipe", "pipe", "pipe"], maxBuffer: 1 << 28 }))

export class GobPeer {
  readonly #process: ChildProcess
  readonly lines: Array<PeerLine> = []
  readonly #waiting: Array<() => void> = []
  readonly #exit: Promise<number | null>

  constructor(args: ReadonlyArray<string>) {
    this.#process = spawn(buildGobPeer(), args, { stdio: ["ignore", "pipe", "ignore"] })
    const reader = createInterface({ input: this.#process.stdout! })
    reader.on("line", (line) => {
      this.lines.push(JSON.parse(line))
      for (const wake of this.#waiting.splice(0)) wake()
    })
    // Its last line may come after its end.
    this.#exit = Promise.all([once(this.#process, "exit"), once(reader, "close")]).then(([[code]]) => {
      for (const wake of this.#waiting.splice(0)) wake()
      return code as number | null
    })
  }

  /** The first line of that event, once it is there. */
  async line(event: string): Promise<PeerLine> {
    for (;;) {
      const found = this.lines.find((line) => line["event"] === event)
      if (found !== undefined) return found
      if (this.#process.exitCode !== null)
        throw new Error(`gobpeer ended without ${event}: ${JSON.stringify(this.lines)}`)
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  exit(): Promise<number | null> {
    return this.#exit
  }

  stop(): void {
    this.#process.kill("SIGKILL")
  }
}
