// Commands as scripts run them, and a daemon as a supervisor runs it: the program is spawned from its sources.
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url))

export interface Ended {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

/** `privileges`: options of setpriv under which it runs; for root. */
export const backwalk = (
  args: ReadonlyArray<string>,
  options: {
    readonly input?: string
    readonly privileges?: ReadonlyArray<string>
    /** A program with its options that runs it, outside of the privileges. */
    readonly within?: ReadonlyArray<string>
  } = {}
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const { privileges, within = [] } = options
    const setpriv = privileges === undefined ? [] : ["setpriv", ...privileges]
    const [program, ...rest] = [...within, ...setpriv, process.execPath, MAIN, ...args]
    const child = spawn(program!, rest)
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

/** Another user, who may read this checkout wherever it lies, and nothing else that root may. */
export const NOBODY: ReadonlyArray<string> = [
  "--reuid=65534",
  "--clear-groups",
  "--inh-caps=+dac_read_search",
  "--ambient-caps=+dac_read_search"
]
/** Root without the right to change routes. */
export const NO_NET_ADMIN: ReadonlyArray<string> = ["--bounding-set=-net_admin", "--inh-caps=-net_admin"]

/** Root without the right to listen on ports below 1024. */
export const NO_BIND_SERVICE: ReadonlyArray<string> = [
  "--bounding-set=-net_bind_service",
  "--inh-caps=-net_bind_service"
]

export interface RunningDaemon {
  readonly child: ChildProcess
  /** What it has said so far. */
  readonly said: () => string
  /** Asks it to end; gives its exit status. */
  readonly end: () => Promise<number | null>
}

/** `before`: options of Node.js. */
export const startDaemon = (config: string, before: ReadonlyArray<string> = []): RunningDaemon => {
  const args = [...before, MAIN, "run", "--config", config]
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "pipe"] })
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
