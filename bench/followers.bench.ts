// Followers of one hub on one machine: all of them decode everything, while routes change and after; how many differ from the hub in the end
// is a figure that must be 0.
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import type { Row } from "./run.ts"

const start = (file: string, ...args: ReadonlyArray<number>): ChildProcess =>
  fork(fileURLToPath(new URL(file, import.meta.url)), args.map(String))

const told = async (child: ChildProcess): Promise<Readonly<Record<string, number>>> =>
  (await once(child, "message"))[0] as Readonly<Record<string, number>>

const cpuOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ")
  return (Number(fields[11]) + Number(fields[12])) / 100
}

const GIVE_UP_S = 60

export const run = async (print: (row: Row) => void, count: number, routes: number, seconds: number): Promise<void> => {
  const bench = `followers: ${count} × ${routes}`
  const hub = start("./followers-hub.ts", routes)
  const { endpoint } = (await told(hub)) as unknown as { readonly endpoint: string }
  const many = start("./followers-many.ts", Number(endpoint.split(":").at(-1)), count, routes)
  const inSync = await told(many)
  print({
    bench,
    measured: `all in sync after ${inSync["seconds"].toFixed(1)} s, ${cpuOf(hub.pid!).toFixed(1)} s CPU of the hub`,
    budget: ""
  })
  const before = cpuOf(hub.pid!)
  hub.send({ order: "churn", seconds })
  const { changed } = await told(hub)
  const cpu = cpuOf(hub.pid!) - before
  const endedAt = performance.now()
  let differ = count
  let lost = 0
  let state: Readonly<Record<string, number>> = {}
  while (differ > 0 && performance.now() - endedAt < GIVE_UP_S * 1000) {
    hub.send({ order: "state" })
    state = await told(hub)
    many.send({ digest: state["digest"], keys: state["keys"] })
    ;({ differ, lost } = (await told(many)) as { differ: number; lost: number })
    if (differ > 0) await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const rate = (changed / seconds).toFixed(0)
  print({
    bench: `${bench}, ${rate} changes a second`,
    measured: `${differ} differ, ${lost} lost, settled ${((performance.now() - endedAt) / 1000).toFixed(1)} s after ${seconds} s; hub ${cpu.toFixed(1)} s CPU, ${(state["rss"] / 1e6).toFixed(0)} MB`,
    budget: "0 differ, 0 lost"
  })
  for (const child of [many, hub]) {
    child.disconnect()
    await once(child, "exit")
  }
  if (differ > 0 || lost > 0) process.exitCode = 1
}
