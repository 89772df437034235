// A hub with made-up routes in a process of its own, for followers.bench.ts: it changes them as told, and says what its table adds up to.
import { decodeText, SERVE_DEFAULTS, SyncStatus, type Update } from "../src/fanout/index.ts"
import { FanoutServer } from "../src/runtime/fanout-server.ts"
import { digestOf, routeUpdate } from "./followers.ts"

const routes = Number(process.argv[2])
/** By route: how often it has changed; odd numbers are gone. */
const versions = new Uint32Array(routes)

const server = new FanoutServer({
  ...SERVE_DEFAULTS,
  version: "bench",
  seed: 1,
  say: (message) => console.error(message)
})
const at = (index: number): Update => routeUpdate(index, versions[index])
server.offer([
  { _tag: "Updates", updates: Array.from(versions, (_, index) => at(index)) },
  { _tag: "Status", status: SyncStatus.InSync }
])

const CHANGES_PER_BATCH = 100
const BATCH_MS = 20

const churn = async (seconds: number): Promise<void> => {
  const endAt = performance.now() + seconds * 1000
  let changed = 0
  for (let draw = 1; performance.now() < endAt; ) {
    const updates: Array<Update> = []
    for (let count = 0; count < CHANGES_PER_BATCH; count++) {
      draw = (Math.imul(draw, 1_103_515_245) + 12_345) >>> 0
      const index = (draw >>> 8) % routes
      versions[index]++
      updates.push(at(index))
    }
    changed += updates.length
    server.offer([{ _tag: "Updates", updates }])
    await new Promise((resolve) => setTimeout(resolve, BATCH_MS))
  }
  process.send!({ changed })
}

process.on("message", ({ order, seconds }: { order: string; seconds?: number }) => {
  if (order === "churn") void churn(seconds!)
  else {
    const { cache, clients, counters } = server.state
    let sum = 0
    for (const [key, { body, valueAt, valueEnd }] of cache.entries)
      sum = digestOf(sum, key, decodeText(body, valueAt, valueEnd))
    const dropped = counters.droppedBy.reduce((all, each) => all + each, 0)
    const { rss } = process.memoryUsage()
    process.send!({
      digest: sum,
      keys: cache.entries.size,
      clients: clients.size,
      dropped,
      rss,
      messages: counters.messages
    })
  }
})
process.on("disconnect", () => process.exit(0))
process.send!({ endpoint: await server.listen("127.0.0.1:0") })
