// From HTTP to the daemon's port and back. Questions are checked against the table of parameters, answers go out as they come: one
// JSON value, or a table in slices. Nothing here knows what a route is.
import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type { Command, Notice, PeerCommand } from "../router/index.ts"
import { DaemonPort, type DaemonPortService, isTable, type QueryName } from "./daemon-port.ts"
import { toGraphviz } from "./graphviz.ts"
import { BackwalkApi, PEER_ACTIONS, type PeerAction, PeerOrder, RouteChanges } from "./http-api.ts"
import { canonicalAddress, canonicalPrefix, normaliseParams } from "./questions.ts"
import { ndjson } from "./rows.ts"

export const refuse = (status: number, error: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.jsonUnsafe({ error }, { status })

const searchOf = (request: HttpServerRequest.HttpServerRequest): URLSearchParams =>
  new URL(request.url, "http://localhost").searchParams

const answer = (port: DaemonPortService, name: QueryName) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const params = normaliseParams(name, searchOf(request))
    if (typeof params === "string") return refuse(400, params)
    const { peer } = params
    // A table of nothing would look as if there were no routes.
    if (peer !== undefined && isPeerMissing("peers", peer, onlyPeer("peers", peer, yield* port.query("peers", {})))) {
      return refuse(404, `there is no peer ${peer}`)
    }
    const value = onlyPeer(name, params["address"], yield* port.query(name, params))
    if (value === undefined) return refuse(404, `this daemon has no ${name}`)
    if (params["dot"] === "true" && typeof value === "object" && value !== null) {
      return HttpServerResponse.text(toGraphviz(value as Readonly<Record<string, unknown>>))
    }
    if (isPeerMissing(name, params["address"], value)) return refuse(404, `there is no peer ${params["address"]}`)
    if (typeof value === "string") return HttpServerResponse.text(value)
    return isTable(value)
      ? HttpServerResponse.stream(ndjson(value), { contentType: "application/x-ndjson" })
      : HttpServerResponse.jsonUnsafe(value)
  }).pipe(Effect.catchTag("NotFound", ({ message }) => Effect.succeed(refuse(404, message))))

const SETTLED_SECONDS = 60
const SETTLED_SECONDS_MAX = 3600

/** Waits until what is wanted now is in the kernel, as far as it can be; what cannot is counted. */
const settled = (port: DaemonPortService) =>
  Effect.gen(function* () {
    const search = searchOf(yield* HttpServerRequest.HttpServerRequest)
    const strange = [...search.keys()].find((key) => key !== "within")
    if (strange !== undefined) return refuse(400, `unknown parameter "${strange}"; known here: within`)
    const seconds = Number(search.get("within") ?? SETTLED_SECONDS)
    if (search.get("within") === "" || !(seconds >= 0 && seconds <= SETTLED_SECONDS_MAX)) {
      return refuse(400, `within=${search.get("within")}: expected seconds, from 0 to ${SETTLED_SECONDS_MAX}`)
    }
    const first = yield* kernelProgress(port)
    if (first === undefined) return refuse(404, "this daemon writes no kernel")
    yield* kernelProgress(port).pipe(
      Effect.repeat({
        until: (now) => now === undefined || now.settled >= first.revision,
        schedule: Schedule.spaced("50 millis")
      }),
      Effect.timeoutOption(`${seconds} seconds`)
    )
    const now = (yield* kernelProgress(port)) ?? first
    const { revision } = first
    return HttpServerResponse.jsonUnsafe({ settled: now.settled >= revision, revision, ...now.missing })
  }).pipe(Effect.catchTag("NotFound", ({ message }) => Effect.succeed(refuse(404, message))))

interface KernelProgress {
  readonly revision: number
  readonly settled: number
  readonly missing: { readonly waiting: number; readonly failed: number }
}

const kernelProgress = (port: DaemonPortService) =>
  Effect.map(port.query("walks", {}), (walks) => (walks as { readonly kernel?: KernelProgress }).kernel)

/** For whoever restarts or balances daemons and reads nothing but a status, at the paths that Typha has: 204 or 503. */
const wellness = (port: DaemonPortService, isWell: (status: unknown) => boolean) =>
  port.query("health", {}).pipe(
    Effect.map((health) => isWell((health as { readonly status?: unknown } | undefined)?.status)),
    Effect.orElseSucceed(() => false),
    Effect.map((well) => HttpServerResponse.empty({ status: well ? 204 : 503 }))
  )

/** The list of peers is short: choosing one is done here, not in the router. */
const onlyPeer = (name: QueryName, address: string | undefined, answer: unknown): unknown =>
  name === "peers" && address !== undefined && Array.isArray(answer)
    ? answer.filter((peer: { readonly address?: unknown }) => peer.address === address)
    : answer

const isPeerMissing = (name: QueryName, address: string | undefined, answer: unknown): boolean =>
  name === "peers" && address !== undefined && Array.isArray(answer) && answer.length === 0

export const readingHandlers = HttpApiBuilder.group(
  BackwalkApi,
  "reading",
  Effect.fnUntraced(function* (handlers) {
    const port = yield* DaemonPort
    return handlers
      .handleRaw("peers", () => answer(port, "peers"))
      .handleRaw("routes", () => answer(port, "routes"))
      .handleRaw("fib", () => answer(port, "fib"))
      .handleRaw("graph", () => answer(port, "graph"))
      .handleRaw("kernel", () => answer(port, "kernel"))
      .handleRaw("settled", () => settled(port))
      .handleRaw("walks", () => answer(port, "walks"))
      .handleRaw("buffers", () => answer(port, "buffers"))
      .handleRaw("fanout", () => answer(port, "fanout"))
      .handleRaw("log", () => answer(port, "log"))
      .handleRaw("health", () => answer(port, "health"))
      .handleRaw("liveness", () => wellness(port, (status) => status !== undefined))
      .handleRaw("readiness", () => wellness(port, (status) => status === "ok"))
      .handleRaw("events", () => Effect.succeed(serverSentEvents(port.events)))
  })
)

export const operatingHandlers = HttpApiBuilder.group(
  BackwalkApi,
  "operating",
  Effect.fnUntraced(function* (handlers) {
    const port = yield* DaemonPort
    return handlers
      .handleRaw("peer", ({ params }) => actOnPeer(port, params.address, params.action))
      .handleRaw("changeRoutes", () => changeRoutes(port))
      .handleRaw("resync", () => perform(port, [{ command: "resync" }]))
  })
)

const actOnPeer = (port: DaemonPortService, named: string, action: string) =>
  Effect.gen(function* () {
    const address = canonicalAddress(named)
    if (address === undefined) return refuse(400, `"${named}" is not an address`)
    if (!isPeerAction(action)) return refuse(404, `there is no action "${action}"; known: ${PEER_ACTIONS.join(", ")}`)
    const peers = onlyPeer("peers", address, yield* port.query("peers", { address }))
    if (isPeerMissing("peers", address, peers)) return refuse(404, `there is no peer ${address}`)
    const request = yield* HttpServerRequest.HttpServerRequest
    const text = yield* Effect.result(request.text)
    const order = Result.isFailure(text) ? "the body cannot be read" : orderOf(action, text.success)
    return typeof order === "string" ? refuse(400, order) : yield* perform(port, [{ ...order, address }])
  }).pipe(Effect.catchTag("NotFound", ({ message }) => Effect.succeed(refuse(404, message))))

const isPeerAction = (action: string): action is PeerAction => (PEER_ACTIONS as ReadonlyArray<string>).includes(action)

const decodeOrder = Schema.decodeUnknownResult(PeerOrder)

/** An order and what comes with it, or what is wrong with that. */
const orderOf = (action: PeerAction, body: string): Omit<PeerCommand, "address"> | string => {
  const given = decodeOrder(body.trim() === "" ? {} : jsonOf(body), { onExcessProperty: "error" })
  if (Result.isFailure(given)) return 'expected nothing, or {"message": TEXT, "soft": true or false}'
  const { message = "", soft = false } = given.success
  if (message !== "" && action !== "disable" && action !== "reset")
    return `${action} tells the peer nothing: leave message out`
  if (soft && action !== "reset") return `soft is for reset, not for ${action}`
  const bytes = new TextEncoder().encode(message).length
  if (bytes > COMMUNICATION_BYTES_MAX)
    return `the message has ${bytes} bytes, and RFC 9003 allows ${COMMUNICATION_BYTES_MAX}`
  return { command: "peer", action, ...(message === "" ? {} : { message }), ...(soft ? { soft } : {}) }
}

const COMMUNICATION_BYTES_MAX = 255

/** `undefined` for what is no JSON. */
const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const decodeChanges = Schema.decodeUnknownResult(RouteChanges)

const changeRoutes = (port: DaemonPortService) =>
  Effect.gen(function* () {
    const request = yield* HttpServerRequest.HttpServerRequest
    const body = yield* Effect.result(request.json)
    if (Result.isFailure(body)) return refuse(400, "the body is not JSON")
    const changes = decodeChanges(body.success, { errors: "all", onExcessProperty: "error" })
    if (Result.isFailure(changes)) {
      return refuse(400, 'expected {"withdraw": [PREFIX…], "announce": [{"prefix": PREFIX, "communities": [TEXT…]}…]}')
    }
    const commands = commandsOf(changes.success)
    return typeof commands === "string" ? refuse(400, commands) : yield* perform(port, commands)
  })

/** All or none: a prefix that cannot be read is found before anything is changed. */
const commandsOf = (changes: typeof RouteChanges.Type): ReadonlyArray<Command> | string => {
  const commands: Array<Command> = []
  for (const text of changes.withdraw ?? []) {
    const prefix = canonicalPrefix(text)
    if (prefix === undefined) return `"${text}" is not a prefix without host bits`
    commands.push({ command: "withdraw", prefix })
  }
  for (const route of changes.announce ?? []) {
    const prefix = canonicalPrefix(route.prefix)
    if (prefix === undefined) return `"${route.prefix}" is not a prefix without host bits`
    const communities = route.communities ?? []
    const bad = communities.find((community) => !isCommunity(community))
    if (bad !== undefined) return `"${bad}" is not a community; write it like "65000:1"`
    commands.push({ command: "announce", route: { prefix, communities } })
  }
  return commands
}

const isCommunity = (text: string): boolean =>
  /^\d{1,5}:\d{1,5}$/.test(text) && text.split(":").every((part) => Number(part) <= 65535)

const perform = (port: DaemonPortService, commands: ReadonlyArray<Command>) =>
  Effect.gen(function* () {
    let message = "done"
    for (const command of commands) {
      const result = yield* port.command(command)
      if (!result.ok) return refuse(409, result.message)
      if (result.message !== "") message = result.message
    }
    return HttpServerResponse.jsonUnsafe({ message })
  })

/** A comment at once, which opens the reader's connection, and now and then: a quiet router is not a dead one. */
const HEARTBEAT = "15 seconds"

const serverSentEvents = (notices: Stream.Stream<Notice>): HttpServerResponse.HttpServerResponse => {
  const events = notices.pipe(Stream.map((notice) => `data: ${JSON.stringify(notice)}\n\n`))
  const heartbeats = Stream.tick(HEARTBEAT).pipe(Stream.map(() => ": here\n\n"))
  const both = Stream.merge(events, heartbeats, { haltStrategy: "left" })
  return HttpServerResponse.stream(Stream.encodeText(both), {
    contentType: "text/event-stream",
    headers: { "cache-control": "no-store" }
  })
}
