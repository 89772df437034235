// Followers that read as fast as they can and look at nothing, for fanout.bench.ts: what is measured is who serves them. They say when each
// has its snapshot (so many bytes), and when it gets the next piece after that.
import { createConnection } from "node:net"
import { encodeMessage, preambleOf } from "../src/fanout/index.ts"

const [port, clients, snapshotBytes] = process.argv.slice(2).map(Number)

const hello = Buffer.concat([
  preambleOf("client"),
  encodeMessage({
    _tag: "ClientHello",
    hostname: "reader",
    info: "",
    version: "",
    syncerType: "",
    supportsDecoderRestart: false,
    supportedCompressionAlgorithms: [],
    supportsModernPolicyKeys: true,
    clientConnId: 0
  })
])

const startedAt = performance.timeOrigin + performance.now()
const buffer = Buffer.alloc(1 << 20)
let complete = 0
let arrivals: Array<number> = []

for (let client = 0; client < clients; client++) {
  let received = 0
  const socket = createConnection({
    host: "127.0.0.1",
    port,
    onread: {
      buffer,
      callback: (count) => {
        const isComplete = received >= snapshotBytes
        received += count
        const now = performance.timeOrigin + performance.now()
        if (isComplete) {
          arrivals.push(now)
          if (arrivals.length === clients) {
            process.send!({ arrivals })
            arrivals = []
          }
        } else if (received >= snapshotBytes && ++complete === clients) {
          process.send!({ seconds: (now - startedAt) / 1000 })
        }
        return true
      }
    }
  })
  socket.on("error", (error) => {
    console.error(`a reader: ${error.message}`)
    process.exit(1)
  })
  socket.write(hello)
}
process.on("disconnect", () => process.exit(0))
