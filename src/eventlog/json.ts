// Batches as plain JSON for people and scripts (`backwalk log cat`). Bytes become hex and stay undecoded, as they are in the log: what
// they mean is said by `backwalk decode` and by a replay.
import { type Batch, ConnectionChange, type EventRecord, FollowedNews, KernelChannel } from "./batch.ts"

export type RecordJson = { readonly kind: EventRecord["_tag"] } & Readonly<Record<string, unknown>>

export interface BatchJson {
  readonly seq: number
  /** Microseconds since the Unix epoch. */
  readonly at: number
  readonly records: ReadonlyArray<RecordJson>
}

export const batchToJson = (batch: Batch): BatchJson => ({
  seq: batch.seq,
  at: batch.at,
  records: batch.records.map(recordToJson)
})

export const recordToJson = (record: EventRecord): RecordJson => {
  switch (record._tag) {
    case "Bytes":
      return { kind: "Bytes", conn: record.conn, bytes: toHex(record.bytes) }
    case "Connection":
      return {
        kind: "Connection",
        conn: record.conn,
        change: nameOf(ConnectionChange, record.change),
        ...(record.remote === "" ? {} : { remote: record.remote }),
        ...(record.local === "" ? {} : { local: record.local }),
        ...(record.cause === "" ? {} : { cause: record.cause })
      }
    case "Timer":
      return { kind: "Timer", timer: record.timer }
    case "Kernel":
      return { kind: "Kernel", channel: nameOf(KernelChannel, record.channel), bytes: toHex(record.bytes) }
    case "Followed":
      return { kind: "Followed", news: nameOf(FollowedNews, record.news), bytes: toHex(record.bytes) }
    case "Command":
      return { kind: "Command", command: parsed(record.json) }
    case "Quantum":
      return { kind: "Quantum", nodes: record.nodes }
    case "Checkpoint":
      return { kind: "Checkpoint", stateDigest: record.stateDigest, effectDigest: record.effectDigest }
  }
}

/** A log may hold a command that is not JSON: the router refused it, and here it stays the text that it was. */
const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json)
  } catch {
    return json
  }
}

const nameOf = (names: Readonly<Record<string, number>>, value: number): string =>
  Object.entries(names).find(([, known]) => known === value)?.[0] ?? String(value)

const toHex = (bytes: Uint8Array): string => {
  let text = ""
  for (const byte of bytes) text += HEX[byte]
  return text
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"))
