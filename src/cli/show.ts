// The commands that ask or instruct a running daemon. JSON passes through as the daemon gives it; text is made here.
import type { IncomingMessage } from "node:http"
import * as Effect from "effect/Effect"
import { call, callJson, eachLine, passOn, textOf } from "./client.ts"
import { ExitStatus, type Failure, fail } from "./failure.ts"
import { graphText } from "./graph-text.ts"
import { print, say, sayJson } from "./output.ts"
import { COLUMNS, type Column, describe, plain, type Row, TableWriter } from "./tables.ts"

export interface Connection {
  readonly socket: string
  readonly json: boolean
}

export type Params = Readonly<Record<string, string | boolean | undefined>>

const pathOf = (name: string, params: Params): string => {
  const search = new URLSearchParams()
  for (const [key, value] of Object.entries(params)) {
    if (value !== undefined && value !== false) search.set(key, String(value))
  }
  return `/v1/${name}${search.size === 0 ? "" : `?${search}`}`
}

/** One object, or text such as Graphviz. */
export const showValue = (connection: Connection, name: string, params: Params): Effect.Effect<void, Failure> =>
  Effect.gen(function* () {
    const response = yield* call({ socket: connection.socket, method: "GET", path: pathOf(name, params) })
    const isText = (response.headers["content-type"] ?? "").startsWith("text/plain")
    const text = yield* textOf(response)
    if (isText || connection.json) return yield* Effect.promise(() => print(text.endsWith("\n") ? text : `${text}\n`))
    yield* Effect.promise(() => print(describe(JSON.parse(text))))
  })

/** From one prefix down, or all that entries share. */
export const showGraph = (connection: Connection, params: Params): Effect.Effect<void, Failure> =>
  Effect.gen(function* () {
    if (connection.json || params["dot"] === true) return yield* showValue(connection, "graph", params)
    const answer = yield* callJson({ socket: connection.socket, method: "GET", path: pathOf("graph", params) })
    yield* Effect.promise(() => print(graphText(answer)))
  })

/** A JSON array with one row per peer. Of a single one people see everything. */
export const showPeers = (connection: Connection, address: string | undefined): Effect.Effect<void, Failure> =>
  Effect.gen(function* () {
    const peers = yield* callJson({ socket: connection.socket, method: "GET", path: pathOf("peers", { address }) })
    if (connection.json) return yield* sayJson(peers)
    if (address !== undefined) {
      return yield* Effect.promise(() => print((peers as ReadonlyArray<Row>).map((peer) => describe(peer)).join("")))
    }
    const table = new TableWriter(COLUMNS["peers"]!)
    const text = (peers as ReadonlyArray<Row>).map((peer) => table.add(peer)).join("") + table.end()
    yield* Effect.promise(() => print(text === "" ? "no peers are configured\n" : text))
  })

/** A table of any length. Asking for something particular that is not there is a "no". */
export const showTable = (
  connection: Connection,
  name: string,
  params: Params,
  isParticular: boolean
): Effect.Effect<void, Failure> =>
  Effect.gen(function* () {
    const response = yield* call({ socket: connection.socket, method: "GET", path: pathOf(name, params) })
    const rows = connection.json ? yield* passOn(response) : yield* printTable(response, COLUMNS[name]!)
    if (rows === 0 && isParticular) return yield* fail(ExitStatus.No, `${name}: nothing matches`)
  })

/** Lines are gathered to a pipe's worth before they are written. */
const PRINT_CHARACTERS = 32 * 1024

const printTable = (response: IncomingMessage, columns: ReadonlyArray<Column>): Effect.Effect<number, Failure> =>
  Effect.gen(function* () {
    const table = new TableWriter(columns)
    let pending = ""
    const rows = yield* eachLine(response, async (line) => {
      pending += table.add(JSON.parse(line) as Row)
      if (pending.length < PRINT_CHARACTERS) return
      await print(pending)
      pending = ""
    })
    yield* Effect.promise(() => print(pending + table.end()))
    return rows
  })

const instruct = (connection: Connection, path: string, body?: unknown): Effect.Effect<void, Failure> =>
  Effect.gen(function* () {
    const done = yield* callJson({ socket: connection.socket, method: "POST", path, body })
    if (connection.json) return yield* sayJson(done)
    yield* say(plain(String((done as Row)["message"] ?? "done")))
  })

export interface PeerOrder {
  readonly message: string | undefined
  readonly soft: boolean
}

export const actOnPeer = (
  connection: Connection,
  address: string,
  action: string,
  { message, soft }: PeerOrder
): Effect.Effect<void, Failure> => {
  const order = { ...(message === undefined ? {} : { message }), ...(soft ? { soft } : {}) }
  const body = Object.keys(order).length === 0 ? undefined : order
  return instruct(connection, `/v1/peers/${encodeURIComponent(address)}/${action}`, body)
}

export const announce = (
  connection: Connection,
  prefixes: ReadonlyArray<string>,
  communities: ReadonlyArray<string>
): Effect.Effect<void, Failure> =>
  instruct(connection, "/v1/routes", { announce: prefixes.map((prefix) => ({ prefix, communities })) })

export const withdraw = (connection: Connection, prefixes: ReadonlyArray<string>): Effect.Effect<void, Failure> =>
  instruct(connection, "/v1/routes", { withdraw: prefixes })

/** Has the daemon read the kernel again. */
export const resync = (connection: Connection): Effect.Effect<void, Failure> =>
  instruct(connection, "/v1/kernel/resync", undefined)

interface Settled {
  readonly settled: boolean
  readonly waiting: number
  readonly failed: number
}

/** Waits until what is wanted now is in the kernel. Not all of it, or not in time, is a "no". */
export const settle = (connection: Connection, within: number | undefined): Effect.Effect<void, Failure> =>
  Effect.gen(function* () {
    const path = pathOf("kernel/settled", { within: within === undefined ? undefined : String(within) })
    const answer = (yield* callJson({ socket: connection.socket, method: "GET", path })) as Settled
    const { settled, waiting, failed } = answer
    if (connection.json) yield* sayJson(answer)
    if (!settled) return yield* fail(ExitStatus.No, "not yet: see backwalk show walks")
    if (waiting + failed > 0) {
      const counts = `objects that wait: ${waiting}, that the kernel refused: ${failed}`
      return yield* fail(ExitStatus.No, `${counts}: see backwalk show kernel --waiting and --failed`)
    }
    if (!connection.json) yield* say("all that is wanted is in the kernel")
  })

/** Notices as they come, until interrupted. */
export const showEvents = (connection: Connection): Effect.Effect<void, Failure> =>
  Effect.gen(function* () {
    const response = yield* call({ socket: connection.socket, method: "GET", path: "/v1/events" })
    yield* eachLine(response, async (line) => {
      if (!line.startsWith("data: ")) return
      const notice = JSON.parse(line.slice(6)) as Row
      await print(connection.json ? `${line.slice(6)}\n` : `${plain(String(notice["message"] ?? line.slice(6)))}\n`)
    })
  })
