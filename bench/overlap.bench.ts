// Several peers with the same prefixes and different paths, as in scenario S3 of the harness: in memory, through the router's own step. As in the
// daemon each of them is read in turn, and a batch holds what several of them said of the same prefixes (ADR-0054).
import { ACCEPTED, ConnectionChange, type EventRecord } from "../src/eventlog/index.ts"
import { BATCH_BYTES_MAX, OpBuffer } from "../src/machine/index.ts"
import { createRouter, type RouterConfig, releaseEffects, router } from "../src/router/index.ts"
import { encodeOpen, keepalive } from "../src/wire/index.ts"
import { config as single } from "./adj-in.bench.ts"
import type { Row } from "./run.ts"
import { table } from "./table.ts"

/** A read, and how many of them are a batch. */
const READ_BYTES = 64 * 1024
const BATCH_READS = BATCH_BYTES_MAX / READ_BYTES
const FIRST_AS = 64501
const SINK_AS = 65101

const configOf = (peers: number): RouterConfig => {
  const [sender, sink] = single.peers
  const senders = Array.from({ length: peers }, (_, index) => ({
    ...sender!,
    address: `10.99.1.${index + 1}`,
    asn: FIRST_AS + index
  }))
  return { ...single, peers: [...senders, { ...sink!, asn: SINK_AS }] }
}

/** The tables of all peers in the order in which they are read: so many bytes of each peer in turn. */
const inTurns = (tables: ReadonlyArray<Uint8Array>, turnBytes: number): Array<EventRecord> => {
  const records: Array<EventRecord> = []
  for (let from = 0; from < Math.max(...tables.map(({ length }) => length)); from += turnBytes) {
    for (const [index, bytes] of tables.entries()) {
      const to = Math.min(from + turnBytes, bytes.length)
      for (let at = from; at < to; at += READ_BYTES) {
        const read = bytes.subarray(at, Math.min(at + READ_BYTES, to))
        records.push({ _tag: "Bytes", conn: ACCEPTED + 1 + index, bytes: read })
      }
    }
  }
  return records
}

/** `turnBytes`: what is read of a peer before the next one has its turn. */
export const run = (prefixes: number, peers: number, turnBytes: number = READ_BYTES): Row => {
  const tables = Array.from({ length: peers }, (_, index) => table(prefixes, FIRST_AS + index, 1, index + 1))
  const state = createRouter(1)
  const out = new OpBuffer(4096)
  let seq = 0
  const drained: Array<EventRecord> = []
  const step = (records: ReadonlyArray<EventRecord>): void => {
    out.clear()
    router.step(state, { seq: seq++, at: 1_000_000 * seq, records }, out)
    releaseEffects(out, (lease) => state.pool.release(lease))
    for (const { conn, drainingBytes } of state.connections.values()) {
      if (drainingBytes === 0) continue
      drained.push({ _tag: "Connection", conn, change: ConnectionChange.Drained, remote: "", local: "", cause: "" })
    }
  }
  step([{ _tag: "Command", json: JSON.stringify({ command: "configure", config: configOf(peers), seed: 1 }) }])
  for (let index = 0; index <= peers; index++) {
    const asn = index < peers ? FIRST_AS + index : SINK_AS
    const address = index < peers ? `10.99.1.${index + 1}` : "10.99.2.1"
    const conn = ACCEPTED + 1 + index
    const remote = `${address}:1000`
    const capabilities = [
      { _tag: "Multiprotocol", afi: 1, safi: 1 },
      { _tag: "FourOctetAs", asn }
    ] as const
    step([{ _tag: "Connection", conn, change: ConnectionChange.Accepted, remote, local: "10.99.0.1:179", cause: "" }])
    step([{ _tag: "Bytes", conn, bytes: encodeOpen({ version: 4, asn, holdTime: 240, id: index + 1, capabilities }) }])
    step([{ _tag: "Bytes", conn, bytes: keepalive() }])
  }
  const records = inTurns(tables, turnBytes)
  const before = process.cpuUsage()
  const start = process.hrtime.bigint()
  for (let at = 0; at < records.length; at += BATCH_READS) {
    step([...drained.splice(0), ...records.slice(at, at + BATCH_READS)])
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9
  const { user, system } = process.cpuUsage(before)
  const { count } = state.rib.adjIn.paths
  if (count !== prefixes * peers) throw new Error(`${count} paths learned of ${prefixes * peers}`)
  const cpu = ((user + system) / 1e6).toFixed(3)
  return {
    bench: `router: ${peers} x the same prefixes in`,
    measured: `${prefixes} prefixes in ${seconds.toFixed(3)} s, ${cpu} s of CPU; ${state.rib.packer.messages} messages out`,
    budget: "10 x 100,000 in 0.5 s"
  }
}

if (import.meta.main) {
  const [prefixes = "100000", peers = "10", turn = String(READ_BYTES), rounds = "3"] = process.argv.slice(2)
  for (let round = 0; round < Number(rounds); round++) {
    console.log(run(Number(prefixes), Number(peers), Number(turn)).measured)
  }
}
