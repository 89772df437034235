// The only door between the API and the running daemon: ask a question, give an order, listen to notices. Whoever runs the router
// implements it on top of the router's pure queries; tests implement it with plain data. HTTP, metrics and the looking glass know
// nothing of the router's state.

import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Command, Notice } from "../router/index.ts"

/** What can be asked. Each name is `show NAME` on the command line and `GET /v1/NAME` over HTTP. */
export const QUERY_NAMES = [
  "peers",
  "routes",
  "fib",
  "graph",
  "kernel",
  "walks",
  "buffers",
  "fanout",
  "log",
  "health"
] as const
export type QueryName = (typeof QUERY_NAMES)[number]

/** Parameters as text, flags as "true"; absent means not asked for. Addresses and prefixes are canonical text by the time they get here. */
export type QueryParams = Readonly<Record<string, string>>

/** The answer is no: nothing goes by that name here. */
export class NotFound extends Data.TaggedError("NotFound")<{ readonly message: string }> {}

/** `ok: false` when the daemon looked at the command and refused it; `message` is a sentence for people. */
export interface CommandResult {
  readonly ok: boolean
  readonly message: string
}

export interface DaemonPortService {
  /**
   * An array or an object is one JSON value. Any other iterable is a table, one row per item, which the API draws in slices
   * between the daemon's batches: the iterator lives across steps of the router and must stay valid while the state moves on.
   */
  readonly query: (name: QueryName, params: QueryParams) => Effect.Effect<unknown, NotFound>
  /** Resolves when the router has taken the command (its batch is recorded and stepped), not when what it started is finished. */
  readonly command: (command: Command) => Effect.Effect<CommandResult>
  /** Notices from now on: the router's, and the daemon's own in the same shape. A reader that falls far behind loses the oldest, never holds up the daemon. */
  readonly events: Stream.Stream<Notice>
}

export class DaemonPort extends Context.Service<DaemonPort, DaemonPortService>()("backwalk/api/DaemonPort") {}

/** Tables are iterables that are neither text nor arrays. */
export const isTable = (answer: unknown): answer is Iterable<unknown> =>
  typeof answer === "object" && answer !== null && !Array.isArray(answer) && Symbol.iterator in answer
