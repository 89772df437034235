// A hub in a process of its own, for fanout.bench.ts: the server with a table of made-up keys, told what to do by its parent.
import { SERVE_DEFAULTS, SyncStatus, UpdateType } from "../src/fanout/index.ts"
import { FanoutServer } from "../src/runtime/fanout-server.ts"
import { sample } from "./gob.bench.ts"

const keys = Number(process.argv[2])

const server = new FanoutServer({
  ...SERVE_DEFAULTS,
  // Nothing but what is measured goes out.
  pingIntervalMs: 3_600_000,
  version: "bench",
  seed: 1,
  say: (message) => console.error(message)
})
server.offer([
  { _tag: "Updates", updates: Array.from({ length: keys }, (_, index) => sample(index)) },
  { _tag: "Status", status: SyncStatus.InSync }
])

let change = 0
process.on("message", (order: string) => {
  if (order === "change") {
    const value = new Uint8Array(Buffer.from(`{"change":${++change}}`))
    const at = performance.timeOrigin + performance.now()
    server.offer([{ _tag: "Updates", updates: [{ ...sample(0), value, updateType: UpdateType.Updated }] }])
    process.send!({ changedAt: at })
  } else {
    globalThis.gc?.()
    const streaming = [...server.state.clients.values()].filter(({ phase }) => phase === "Streaming").length
    process.send!({ rss: process.memoryUsage().rss, streaming })
  }
})
process.on("disconnect", () => process.exit(0))
process.send!({ endpoint: await server.listen("127.0.0.1:0") })
