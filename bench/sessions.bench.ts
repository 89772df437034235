// Timers on time: the whole daemon, a hundred peers with a hold time of 9 s, and a full table that each of them is sent. No session may
// drop, on either side's account. Over loopback addresses, so that it needs no root; the peers are another process.
import { execFile, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import type { Row } from "./run.ts"
import type { Outcome } from "./session-peers.ts"
import { table } from "./table.ts"

const HOLD_S = 9
/** Past the end of the load by more than two hold times. */
const LINGER_S = 2 * HOLD_S + 2
const ROOT = join(import.meta.dirname, "..")

export const run = async (peers = 100, prefixes = 1_000_000): Promise<ReadonlyArray<Row>> => {
  table(prefixes)
  const directory = mkdtempSync(join(tmpdir(), "backwalk-sessions-"))
  const port = await freePort()
  writeFileSync(join(directory, "backwalk.yaml"), JSON.stringify(configOf(peers, port, directory)))
  const daemon = spawn(join(ROOT, "bin", "backwalk"), ["run", "--config", join(directory, "backwalk.yaml")], {
    stdio: ["ignore", "ignore", "pipe"]
  })
  let said = ""
  const ended = new Promise<void>((resolve) => daemon.once("exit", () => resolve()))
  const listening = new Promise<void>((resolve, reject) => {
    daemon.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes("listening on")) resolve()
    })
    daemon.once("exit", (code) => reject(new Error(`the daemon ended with ${code}: ${said}`)))
  })
  try {
    await listening
    const script = join(import.meta.dirname, "session-peers.ts")
    const args = [script, port, peers, prefixes, HOLD_S, LINGER_S].map(String)
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 20 })
    return rowsOf(JSON.parse(stdout.trim().split("\n").at(-1)!) as Outcome, prefixes)
  } finally {
    daemon.kill("SIGTERM")
    await ended
    rmSync(directory, { recursive: true, force: true })
  }
}

export const configOf = (peers: number, port: number, directory: string, holdTimeS: number = HOLD_S): unknown => {
  const common = { policy: "open", passive: true, "hold-time": holdTimeS }
  return {
    router: { asn: 65000, id: "127.0.0.1" },
    listen: [`127.0.0.1:${port}`],
    api: { socket: join(directory, "control.sock") },
    peers: [
      { address: "127.1.0.1", asn: 64501, ...common },
      ...Array.from({ length: peers }, (_, index) => ({
        address: `127.1.${1 + Math.floor(index / 200)}.${1 + (index % 200)}`,
        asn: 65101 + index,
        ...common
      }))
    ]
  }
}

const rowsOf = (outcome: Outcome, prefixes: number): ReadonlyArray<Row> => {
  const { peers, dropped, causes, secondsToFull, full, bytes, keepaliveGapMs, silenceMs, ownDelayMs } = outcome
  const what = `${peers} peers, hold ${HOLD_S} s`
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
  return [
    {
      bench: what,
      measured: `${dropped} sessions dropped${causes.length === 0 ? "" : ` (${causes.join("; ")})`}`,
      budget: "0"
    },
    {
      bench: `${what}: full`,
      measured: `${full} have ${prefixes} prefixes after ${secondsToFull.toFixed(1)} s, ${Math.round(bytes / 1e6)} MB`,
      budget: "all"
    },
    {
      bench: `${what}: gaps`,
      measured: `keepalive ${seconds(keepaliveGapMs)}, silence ${seconds(silenceMs)} (peers late by ${seconds(ownDelayMs)})`,
      budget: `silence < ${HOLD_S} s`
    }
  ]
}

/** A port that was free a moment ago. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once("error", reject)
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      server.close(() =>
        typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port"))
      )
    })
  })
