// A hub and its followers, in processes of their own: the snapshot of a table to many clients at once, beside a server of Go's encoding/gob,
// which encodes for each client; one change to thousands; and what an idle client costs. Readers are the same for both and decode nothing.
import { type ChildProcess, fork, spawn } from "node:child_process"
import { once } from "node:events"
import { readFileSync } from "node:fs"
import { createConnection } from "node:net"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { encodeMessage, MessageDecoder, preambleOf, SyncStatus } from "../src/fanout/index.ts"
import { isAvailable } from "../test/support/available.ts"
import { buildGobPeer } from "../test/support/gob-peer.ts"
import type { Row } from "./run.ts"

const FOLLOWERS = 2000
const CHANGES = 40
const CHANGE_KEYS = 5000

type Word = Readonly<Record<string, unknown>>

const start = (file: string, ...args: ReadonlyArray<number>): ChildProcess =>
  fork(fileURLToPath(new URL(file, import.meta.url)), args.map(String), { execArgv: ["--expose-gc"] })

const told = async (child: ChildProcess): Promise<Word> => (await once(child, "message"))[0] as Word

/** User and system time of a process so far, in seconds. */
const cpuOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ")
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** How many bytes a client gets until it is in sync, found by one that decodes them. */
const snapshotBytesOf = (port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const decoder = new MessageDecoder()
    const socket = createConnection({ host: "127.0.0.1", port })
    let bytes = 0
    socket.write(Buffer.concat([preambleOf("client"), encodeMessage(HELLO)]))
    socket.on("error", reject)
    socket.on("data", (piece) => {
      bytes += piece.length
      decoder.push(new Uint8Array(piece as Buffer))
      for (let next = decoder.next(); next._tag === "Message"; next = decoder.next()) {
        if (next.message._tag !== "SyncStatus" || next.message.status !== SyncStatus.InSync) continue
        socket.destroy()
        resolve(bytes)
      }
    })
  })

const HELLO = {
  _tag: "ClientHello",
  hostname: "first",
  info: "",
  version: "",
  syncerType: "",
  supportsDecoderRestart: false,
  supportedCompressionAlgorithms: [],
  supportsModernPolicyKeys: true,
  clientConnId: 0
} as const

interface Served {
  readonly seconds: number
  readonly cpu: number
  readonly bytes: number
}

const serveSnapshot = async (pid: number, port: number, clients: number): Promise<Served> => {
  const bytes = await snapshotBytesOf(port)
  const before = cpuOf(pid)
  const readers = start("./fanout-readers.ts", port, clients, bytes)
  const { seconds } = await told(readers)
  const cpu = cpuOf(pid) - before
  readers.disconnect()
  await once(readers, "exit")
  return { seconds: seconds as number, cpu, bytes }
}

const portOf = (endpoint: string): number => Number(endpoint.split(":").at(-1))

const ours = async (keys: number, clients: number): Promise<Served> => {
  const hub = start("./fanout-hub.ts", keys)
  const { endpoint } = await told(hub)
  const served = await serveSnapshot(hub.pid!, portOf(endpoint as string), clients)
  hub.disconnect()
  await once(hub, "exit")
  return served
}

const theirs = async (keys: number, clients: number): Promise<Served> => {
  const hub = spawn(buildGobPeer(), ["server", "-addr", "127.0.0.1:0", "-kvs", String(keys), "-ping-every", "1h"], {
    stdio: ["ignore", "pipe", "ignore"]
  })
  const lines = createInterface({ input: hub.stdout })
  const [line] = (await once(lines, "line")) as [string]
  lines.on("line", () => {})
  const served = await serveSnapshot(hub.pid!, portOf((JSON.parse(line) as { addr: string }).addr), clients)
  hub.kill()
  return served
}

const changeToAll = async (print: (row: Row) => void): Promise<void> => {
  const hub = start("./fanout-hub.ts", CHANGE_KEYS)
  const { endpoint } = await told(hub)
  const port = portOf(endpoint as string)
  const bytes = await snapshotBytesOf(port)
  hub.send("state")
  const before = (await told(hub))["rss"] as number
  const readers = start("./fanout-readers.ts", port, FOLLOWERS, bytes)
  await told(readers)
  hub.send("state")
  await told(hub)
  hub.send("state")
  const { rss, streaming } = await told(hub)
  print({
    bench: `fanout: ${streaming} idle clients`,
    measured: `${(((rss as number) - before) / 1e6).toFixed(0)} MB more than ${(before / 1e6).toFixed(0)} MB`,
    budget: "100 MB"
  })
  const latencies: Array<number> = []
  for (let change = 0; change < CHANGES; change++) {
    const arrived = told(readers)
    hub.send("change")
    const { changedAt } = await told(hub)
    for (const at of (await arrived)["arrivals"] as ReadonlyArray<number>) latencies.push(at - (changedAt as number))
  }
  latencies.sort((one, other) => one - other)
  const quantile = (part: number): string => latencies[Math.floor((latencies.length - 1) * part)].toFixed(0)
  print({
    bench: `fanout: one change to ${FOLLOWERS}`,
    measured: `p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, most ${quantile(1)} ms (${CHANGES} changes)`,
    budget: "p99 100 ms"
  })
  readers.disconnect()
  hub.disconnect()
}

export const run = async (print: (row: Row) => void, keys = 100_000, clients = 100): Promise<void> => {
  const bench = `fanout: ${keys} keys to ${clients}`
  const describe = ({ seconds, cpu, bytes }: Served): string =>
    `${seconds.toFixed(2)} s, ${cpu.toFixed(2)} s CPU, ${((bytes * clients) / seconds / 1e6).toFixed(0)} MB/s`
  const own = await ours(keys, clients)
  print({ bench, measured: describe(own), budget: "three times Go" })
  if (isAvailable("go") && isAvailable("gobpeer")) {
    const other = await theirs(keys, clients)
    print({ bench: `${bench}, Go`, measured: describe(other), budget: "" })
    const [wall, cpu] = [other.seconds / own.seconds, other.cpu / own.cpu]
    print({
      bench: `${bench}, ratio`,
      measured: `${wall.toFixed(2)} (CPU of the server ${cpu.toFixed(2)})`,
      budget: "3"
    })
  }
  await changeToAll(print)
}
