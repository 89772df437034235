// A peer that does not read, among a hundred that do, while every route of a full table changes again and again: the daemon's resident
// memory, with the peer and without it. What the peer is owed is bounded by the table, not by the number of changes.
import { execFile, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import type { Row } from "./run.ts"
import { configOf, freePort } from "./sessions.bench.ts"
import type { Outcome } from "./stalled-peers.ts"
import { table } from "./table.ts"

const ROOT = join(import.meta.dirname, "..")

export const run = async (peers = 100, prefixes = 1_000_000, flaps = 4): Promise<ReadonlyArray<Row>> => {
  for (const pathSeed of [1, 2]) table(prefixes, 64501, 1, pathSeed)
  const rows: Array<Row> = []
  for (const stalled of [0, 1]) {
    const { residentMb, afterwards, seconds } = await measure(peers, prefixes, flaps, stalled)
    rows.push({
      bench: `${peers} peers, ${stalled} stalled, ${flaps} flaps`,
      measured: `${residentMb.join(", ")} MB resident${stalled === 0 ? "" : `; then told ${afterwards.join(", ")} prefixes`}; ${seconds} s`,
      budget: "flat"
    })
  }
  return rows
}

const measure = async (peers: number, prefixes: number, flaps: number, stalled: number): Promise<Outcome> => {
  const directory = mkdtempSync(join(tmpdir(), "backwalk-stalled-"))
  const port = await freePort()
  writeFileSync(join(directory, "backwalk.yaml"), JSON.stringify(configOf(peers, port, directory, 0)))
  const daemon = spawn(join(ROOT, "bin", "backwalk"), ["run", "--config", join(directory, "backwalk.yaml")], {
    stdio: ["ignore", "ignore", "pipe"]
  })
  const ended = new Promise<void>((resolve) => daemon.once("exit", () => resolve()))
  try {
    await new Promise<void>((resolve) =>
      daemon.stderr.on("data", (chunk: Buffer) => chunk.toString().includes("listening on") && resolve())
    )
    const script = join(import.meta.dirname, "stalled-peers.ts")
    const args = [script, port, peers, prefixes, flaps, stalled, daemon.pid ?? 0].map(String)
    const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 20 })
    return JSON.parse(stdout.trim().split("\n").at(-1)!) as Outcome
  } finally {
    daemon.kill("SIGTERM")
    await ended
    rmSync(directory, { recursive: true, force: true })
  }
}
