// Commands as scripts run them, and a daemon as a supervisor runs it: the program is spawned from its sources.
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url))

export interface Ended {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

export const backwalk = (
  args: ReadonlyArray<string>,
  options: { readonly input?: string; readonly uid?: number } = {}
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [MAIN, ...args], options.uid === undefined ? {} : { uid: options.uid })
    let out = ""
    let err = ""
    child.stdout.on("data", (chunk: Buffer) => {
      out += chunk.toString()
    })
    child.stderr.on("data", (chunk: Buffer) => {
      err += chunk.toString()
    })
    child.on("error", reject)
    child.on("close", (status) => resolve({ status, out, err }))
    child.stdin.end(options.input ?? "")
  })

export interface RunningDaemon {
  readonly child: ChildProcess
  /** What it has said so far. */
  readonly said: () => string
  /** Asks it to end; gives its exit status. */
  readonly end: () => Promise<number | null>
}

export const startDaemon = (config: string): RunningDaemon => {
  const child = spawn(process.execPath, [MAIN, "run", "--config", config], { stdio: ["ignore", "ignore", "pipe"] })
  let said = ""
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString()
  })
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve))
  return {
    child,
    said: () => said,
    end: () => {
      child.kill("SIGTERM")
      return ended
    }
  }
}
