// Takes down what other daemons say: `node test/fuzz/capture.ts NAME…` runs each against Backwalk in a laboratory of its own, lets it
// announce, withdraw and shut down, and keeps the messages out of Backwalk's log as corpus/capture-NAME.hex. Needs root and the daemons;
// run once, the files are kept.
import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { LogReader } from "../../src/eventlog/index.ts"
import { frame, toHex } from "../../src/wire/index.ts"
import { BackwalkUnderTest } from "../support/interop-backwalk.ts"
import { eventually, InteropLab } from "../support/interop-lab.ts"
import { DRIVERS } from "../support/router-daemons.ts"
import { toText } from "./corpus.ts"

/** Few prefixes of every length that there is, so that a file stays small. */
const ROUTES = [
  "100.64.0.0/10",
  "100.1.0.0/16",
  "100.2.4.0/22",
  "100.3.1.0/24",
  "100.3.2.0/24",
  "100.4.5.128/25",
  "100.9.9.9/32"
]
const LATER = ["101.1.0.0/16", "101.2.3.0/24"]

const capture = async (name: keyof typeof DRIVERS): Promise<ReadonlyArray<Uint8Array>> => {
  const lab = new InteropLab(name)
  try {
    const router = DRIVERS[name].create(lab, { passive: false, holdTimeS: 9, announced: ROUTES })
    const backwalk = new BackwalkUnderTest(lab, { passive: true, holdTimeS: 9, originate: ["102.0.0.0/8"] })
    await eventually("the control socket", async () => (await backwalk.peer()) !== undefined)
    await router.start()
    await eventually("the session", async () => (await backwalk.peer()).state === "Established")
    const has = (count: number): Promise<unknown> =>
      eventually(`${count} routes`, async () => (await backwalk.routes()).length === count)
    await has(ROUTES.length)
    await router.announce(LATER)
    await has(ROUTES.length + LATER.length)
    await router.withdraw(LATER)
    await has(ROUTES.length)
    await backwalk.order("refresh")
    await router.shutSession()
    await eventually("the end of the session", async () => (await backwalk.peer()).state !== "Established")
    await backwalk.end()
    return messagesOf(lab.path("log"))
  } finally {
    await lab.close()
  }
}

/** Every message of every connection in the log, once. */
const messagesOf = (directory: string): ReadonlyArray<Uint8Array> => {
  const reader = new LogReader()
  reader.push(readFileSync(join(directory, readdirSync(directory)[0]!)))
  const streams = new Map<number, Array<number>>()
  for (let batch = reader.next(); batch !== undefined; batch = reader.next()) {
    for (const record of batch.records) {
      if (record._tag !== "Bytes") continue
      const stream = streams.get(record.conn) ?? []
      for (const octet of record.bytes) stream.push(octet)
      streams.set(record.conn, stream)
    }
  }
  const messages = new Map<string, Uint8Array>()
  for (const stream of streams.values()) {
    const bytes = Uint8Array.from(stream)
    for (let at = 0; frame(bytes, at, bytes.length, 4096) > 0; ) {
      const length = frame(bytes, at, bytes.length, 4096)
      const message = bytes.slice(at, at + length)
      messages.set(toHex(message), message)
      at += length
    }
  }
  return [...messages.values()]
}

for (const name of process.argv.slice(2) as Array<keyof typeof DRIVERS>) {
  const messages = await capture(name)
  const file = join(import.meta.dirname, "corpus", `capture-${name}.hex`)
  writeFileSync(
    file,
    toText([`what ${name} said to Backwalk: OPEN, routes, withdrawals, a refresh, the end`], messages)
  )
  console.log(`${name}: ${messages.length} messages`)
}
