// Framing, decoding, adj-in and best path of a table that lies in memory, through the router's own step: no socket, no clock inside.
import { ACCEPTED, ConnectionChange, type EventRecord } from "../src/eventlog/index.ts"
import { BATCH_BYTES_MAX, OpBuffer } from "../src/machine/index.ts"
import { createRouter, type RouterConfig, releaseEffects, router } from "../src/router/index.ts"
import { encodeOpen, keepalive } from "../src/wire/index.ts"
import type { Row } from "./run.ts"
import { table } from "./table.ts"

const PEER = {
  port: 179,
  type: "external",
  name: "",
  localAddress: "",
  passive: true,
  enabled: true,
  families: ["ipv4-unicast"],
  holdTime: 240,
  connectRetry: 120,
  idleHold: 5,
  addPath: { receive: false, send: 0 },
  extendedMessage: false,
  password: "",
  ttlSecurity: false,
  multihop: 0,
  policyOpen: true,
  maxPrefixes: 0
} as const

export const config: RouterConfig = {
  router: { asn: 65000, id: "10.99.0.1" },
  listen: [],
  peers: [
    { ...PEER, address: "10.99.1.1", asn: 64501 },
    { ...PEER, address: "10.99.2.1", asn: 65101 }
  ],
  static: [],
  originate: []
}

export const run = (prefixes: number, withSink: boolean): Row => {
  const bytes = table(prefixes)
  const state = createRouter(1)
  const out = new OpBuffer(4096)
  let seq = 0
  const step = (...records: Array<EventRecord>): void => {
    out.clear()
    router.step(state, { seq: seq++, at: 1_000_000 * seq, records }, out)
    releaseEffects(out, (lease) => state.pool.release(lease))
    for (const conn of state.connections.values()) {
      if (conn.drainingBytes > 0)
        pending.push({
          _tag: "Connection",
          conn: conn.conn,
          change: ConnectionChange.Drained,
          remote: "",
          local: "",
          cause: ""
        })
    }
  }
  const pending: Array<EventRecord> = []
  step({ _tag: "Command", json: JSON.stringify({ command: "configure", config, seed: 1 }) })
  const establish = (conn: number, address: string, asn: number): void => {
    const open = encodeOpen({
      version: 4,
      asn,
      holdTime: 240,
      id: conn & 0xff,
      capabilities: [
        { _tag: "Multiprotocol", afi: 1, safi: 1 },
        { _tag: "FourOctetAs", asn }
      ]
    })
    const remote = `${address}:1000`
    step({ _tag: "Connection", conn, change: ConnectionChange.Accepted, remote, local: "10.99.0.1:179", cause: "" })
    step({ _tag: "Bytes", conn, bytes: open })
    step({ _tag: "Bytes", conn, bytes: keepalive() })
  }
  establish(ACCEPTED + 1, "10.99.1.1", 64501)
  if (withSink) establish(ACCEPTED + 2, "10.99.2.1", 65101)
  const start = process.hrtime.bigint()
  for (let at = 0; at < bytes.length; at += BATCH_BYTES_MAX) {
    step(...pending.splice(0), {
      _tag: "Bytes",
      conn: ACCEPTED + 1,
      bytes: bytes.subarray(at, Math.min(at + BATCH_BYTES_MAX, bytes.length))
    })
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9
  const paths = state.rib.adjIn.paths.count
  if (paths !== prefixes) throw new Error(`${paths} paths learned of ${prefixes}`)
  return {
    bench: withSink ? "router: table in, one peer out" : "router: table in",
    measured: `${prefixes} prefixes in ${seconds.toFixed(3)} s (${((seconds / prefixes) * 1e9).toFixed(0)} ns each)`,
    budget: "1,000,000 in 1 s"
  }
}

if (import.meta.main) {
  const prefixes = Number(process.argv[2] ?? 1_000_000)
  for (let round = 0; round < 3; round++) {
    console.log(run(prefixes, false).measured)
    console.log(run(prefixes, true).measured)
  }
  console.log(`resident ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`)
}
