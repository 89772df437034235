// Why: the events of a recorded run that led to a route, a session or a point in time. A replay with a watch on it: after every batch
// the watched thing is looked at, and where it changed, the batch that changed it is told with what it held.
import { type Batch, ConnectionChange, type EventRecord, FollowedNews } from "../eventlog/index.ts"
import { isoTime, OpBuffer } from "../machine/index.ts"
import { parsePrefix } from "../wire/index.ts"
import { releaseEffects } from "./replay.ts"
import { createRouter, router } from "./router.ts"
import { query } from "./show.ts"
import type { RouterState } from "./state.ts"

export type Question =
  | { readonly _tag: "Route"; readonly prefix: string }
  | { readonly _tag: "Peer"; readonly address: string }
  | { readonly _tag: "Around"; readonly seq: number; readonly batches: number }

export interface Explanation {
  readonly seq: number
  readonly at: string
  /** What the batch held, a sentence per record; many alike are counted. */
  readonly because: ReadonlyArray<string>
  readonly notices: ReadonlyArray<string>
  /** The watched thing after the batch. */
  readonly now: unknown
}

/** Replays `batches` from the beginning and yields each batch after which the answer differs from before. */
export function* explain(seed: number, batches: Iterable<Batch>, question: Question): Iterable<Explanation> {
  const state = createRouter(seed)
  const out = new OpBuffer(1024)
  let before = JSON.stringify(look(state, question))
  for (const batch of batches) {
    if (question._tag === "Around" && batch.seq > question.seq + question.batches) return
    const because = summarise(state, batch.records)
    out.clear()
    router.step(state, batch, out)
    const notices = state.notices.map((notice) => notice.message)
    releaseEffects(out, (lease) => state.pool.release(lease))
    const now = look(state, question)
    const text = JSON.stringify(now)
    const near = question._tag === "Around" && batch.seq >= question.seq - question.batches
    if (near || (question._tag !== "Around" && text !== before)) {
      yield { seq: batch.seq, at: isoTime(batch.at), because, notices, now }
    }
    before = text
  }
}

const look = (state: RouterState, question: Question): unknown => {
  switch (question._tag) {
    case "Route":
      return {
        paths: [...(query(state, "routes", { prefix: question.prefix }) as Iterable<unknown>)],
        advertised: [...(query(state, "routes", { prefix: question.prefix, advertised: "true" }) as Iterable<unknown>)],
        fib: [...(query(state, "fib", { prefix: question.prefix }) as Iterable<unknown>)]
      }
    case "Peer": {
      const index = state.byAddress.get(question.address)
      const peer = index === undefined ? undefined : state.peers[index]
      if (peer === undefined) return []
      const rows = query(state, "peers") as ReadonlyArray<Record<string, unknown>>
      const row = rows.find(({ address }) => address === question.address)
      return { state: row?.["state"], lastError: row?.["lastError"], capabilities: row?.["capabilities"] }
    }
    case "Around":
      return []
  }
}

const summarise = (state: RouterState, records: ReadonlyArray<EventRecord>): Array<string> => {
  const counted = new Map<string, number>()
  for (const record of records) {
    const text = describe(state, record)
    counted.set(text, (counted.get(text) ?? 0) + 1)
  }
  return [...counted].map(([text, count]) => (count === 1 ? text : `${text} (${count} times)`))
}

const FOLLOWED_NAMES = new Map<number, string>(Object.entries(FollowedNews).map(([name, news]) => [news, name]))

const CHANGE_NAMES = new Map<number, string>(
  Object.entries(ConnectionChange).map(([name, code]) => [code, name.toLowerCase()])
)

const describe = (state: RouterState, record: EventRecord): string => {
  const named = (conn: number): string => {
    const connection = state.connections.get(conn)
    const peer = connection === undefined ? undefined : state.peers[connection.peer]
    return peer === undefined ? `connection ${conn}` : `${peer.config.address} (connection ${conn})`
  }
  switch (record._tag) {
    case "Bytes":
      return `bytes from ${named(record.conn)}`
    case "Connection": {
      const cause = record.cause === "" ? "" : `: ${record.cause}`
      return `${named(record.conn)} ${CHANGE_NAMES.get(record.change)} ${record.remote}${cause}`.trim()
    }
    case "Timer":
      return `timer ${record.timer} fired`
    case "Kernel":
      return `kernel: ${record.bytes.length} bytes on channel ${record.channel}`
    case "Followed":
      return `hubs: ${FOLLOWED_NAMES.get(record.news)}${record.bytes.length === 0 ? "" : `, ${record.bytes.length} bytes`}`
    case "Command":
      return `command: ${record.json.length > 200 ? `${record.json.slice(0, 200)}…` : record.json}`
    case "Quantum":
      return "a quantum was granted"
    case "Checkpoint":
      return "checkpoint"
  }
}

/** A question from what a user typed, or a sentence that says what is wrong with it. */
export const questionFrom = (options: {
  readonly route?: string
  readonly peer?: string
  readonly around?: number
}): Question | string => {
  const given = [options.route, options.peer, options.around].filter((option) => option !== undefined)
  if (given.length !== 1) return "name one of --route PREFIX, --peer ADDRESS or --around SEQ"
  if (options.around !== undefined) return { _tag: "Around", seq: options.around, batches: 5 }
  if (options.peer !== undefined) return { _tag: "Peer", address: options.peer }
  if (parsePrefix(options.route!) === undefined) return `${options.route} is not a prefix`
  return { _tag: "Route", prefix: options.route! }
}
