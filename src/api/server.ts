// The sockets of the API: a control socket that only its owner may open, and TCP on loopback when asked for. A socket left behind by
// a dead daemon is replaced, one that answers is refused. On TCP any page in a local browser can reach us, so requests must name us
// as their host and orders must not come from another site.
import { lstat, mkdir, unlink } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import { connect } from "node:net"
import { dirname } from "node:path"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import type * as Scope from "effect/Scope"
import { DaemonPort } from "./daemon-port.ts"
import { operatingHandlers, readingHandlers, refuse } from "./handlers.ts"
import { BackwalkApi } from "./http-api.ts"
import { LOOKING_GLASS_HTML } from "./looking-glass.ts"
import { prometheus } from "./metrics.ts"

export class ApiError extends Data.TaggedError("ApiError")<{ readonly message: string; readonly status: 1 | 4 }> {
  override readonly [Runtime.errorExitCode] = this.status
}

export interface ApiOptions {
  /** Path of the control socket; empty: none. */
  readonly socket: string
  /** `address:port`, loopback; empty: no TCP. Port 0 takes a free one. */
  readonly http: string
}

/** Where the API can be reached; empty where it does not listen. */
export interface ApiAddresses {
  readonly socket: string
  readonly http: string
}

/** Serves until the scope closes. */
export const serveApi = (options: ApiOptions): Effect.Effect<ApiAddresses, ApiError, DaemonPort | Scope.Scope> =>
  Effect.gen(function* () {
    const http = options.http === "" ? "" : yield* serveTcp(options.http)
    if (options.socket !== "") yield* serveUnix(options.socket)
    return { socket: options.socket, http }
  })

const apiRoutes = HttpApiBuilder.layer(BackwalkApi, { openapiPath: "/openapi.json" }).pipe(
  Layer.provide([readingHandlers, operatingHandlers])
)

const ownRoutes = HttpRouter.use((router) =>
  Effect.gen(function* () {
    const port = yield* DaemonPort
    yield* router.add("GET", "/", Effect.succeed(lookingGlass))
    yield* router.add(
      "GET",
      "/metrics",
      prometheus.pipe(
        Effect.provideService(DaemonPort, port),
        Effect.map((text) => HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4; charset=utf-8" }))
      )
    )
  })
)

const lookingGlass = HttpServerResponse.html(LOOKING_GLASS_HTML).pipe(
  HttpServerResponse.setHeader(
    "content-security-policy",
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
  )
)

const appWith = (guard: (request: HttpServerRequest.HttpServerRequest) => string | undefined) =>
  Effect.gen(function* () {
    const app = yield* HttpRouter.toHttpEffect(Layer.mergeAll(apiRoutes, ownRoutes))
    return Effect.gen(function* () {
      const request = yield* HttpServerRequest.HttpServerRequest
      const refusal = guard(request)
      return refusal === undefined ? yield* app : refuse(403, refusal)
    }).pipe(
      Effect.catchTag("HttpServerError", () => Effect.succeed(refuse(404, "there is nothing here; see /openapi.json")))
    )
  })

const serveOn = (server: Server, listen: object, guard: Parameters<typeof appWith>[0], what: string) =>
  Effect.gen(function* () {
    const app = yield* appWith(guard)
    const http = yield* NodeHttpServer.make(() => server, { ...listen, gracefulShutdownTimeout: "1 second" }).pipe(
      Effect.mapError(({ cause }) => cannotListen(what, cause))
    )
    yield* http.serve(app)
    yield* Effect.addFinalizer(() => Effect.sync(() => letGo(server)))
  }).pipe(Effect.provide(NodeHttpServer.layerHttpServices))

/** Event streams never end by themselves: answers under way get a moment, then everything is closed. */
const letGo = (server: Server): void => {
  server.closeIdleConnections()
  setTimeout(() => server.closeAllConnections(), 250).unref()
}

const serveTcp = (endpoint: string): Effect.Effect<string, ApiError, DaemonPort | Scope.Scope> =>
  Effect.gen(function* () {
    const [, host, port] = /^\[?([^\]]+?)\]?:(\d+)$/.exec(endpoint) ?? []
    if (host === undefined || !LOOPBACK.test(host)) {
      return yield* new ApiError({
        message: `api.http ${endpoint}: without authentication only loopback addresses are served; use 127.0.0.1 or [::1]`,
        status: 1
      })
    }
    const server = createServer()
    yield* serveOn(server, { host, port: Number(port) }, fromThisHost, `api.http ${endpoint}`)
    const bound = server.address()
    const boundPort = typeof bound === "object" && bound !== null ? bound.port : Number(port)
    return `http://${host.includes(":") ? `[${host}]` : host}:${boundPort}/`
  })

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1)$/
const OUR_NAMES = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/

/** A page of another site may send requests here: by name (DNS rebinding) or blindly (cross-site POST). */
const fromThisHost = ({ headers, method }: HttpServerRequest.HttpServerRequest): string | undefined => {
  const host = headers["host"] ?? ""
  if (!OUR_NAMES.test(host)) return `requests for "${host}" are refused here; use localhost`
  const origin = headers["origin"]
  if (method !== "GET" && method !== "HEAD" && origin !== undefined && origin !== `http://${host}`) {
    return "orders from another site's page are refused"
  }
  return undefined
}

const serveUnix = (path: string): Effect.Effect<void, ApiError, DaemonPort | Scope.Scope> =>
  Effect.gen(function* () {
    yield* makeWay(path)
    yield* serveOn(ownerOnly(createServer()), { path }, () => undefined, `control socket ${path}`)
  })

/** The socket's mode is set by the umask at bind, which happens inside `listen`: no moment in which others could connect. */
const ownerOnly = (server: Server): Server => {
  const listen = server.listen.bind(server) as (...args: ReadonlyArray<unknown>) => Server
  server.listen = (...args: ReadonlyArray<unknown>): Server => {
    const before = process.umask(0o177)
    try {
      return listen(...args)
    } finally {
      process.umask(before)
    }
  }
  return server
}

/** Creates the directory and removes what a dead daemon left; whatever else is in the way stays. */
const makeWay = (path: string): Effect.Effect<void, ApiError> =>
  Effect.tryPromise({
    try: async () => {
      await mkdir(dirname(path), { recursive: true, mode: 0o755 })
      const found = await lstat(path).catch(() => undefined)
      if (found === undefined) return
      if (!found.isSocket()) throw new ApiError({ message: `${path} exists and is no socket; move it away`, status: 1 })
      if (await answers(path)) {
        throw new ApiError({
          message: `another daemon answers on ${path}; stop it, or set api.socket to another path`,
          status: 1
        })
      }
      await unlink(path)
    },
    catch: (cause) => (cause instanceof ApiError ? cause : cannotListen(`control socket ${path}`, cause))
  })

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = connect(path)
    probe.once("connect", () => {
      probe.destroy()
      resolve(true)
    })
    probe.once("error", () => resolve(false))
  })

const cannotListen = (what: string, cause: unknown): ApiError => {
  const code = (cause as { readonly code?: string } | null)?.code
  switch (code) {
    case "EACCES":
    case "EPERM":
      return new ApiError({
        message: `${what}: permission denied; run as its owner, or choose another place`,
        status: 4
      })
    case "EADDRINUSE":
      return new ApiError({ message: `${what}: the address is in use; choose another`, status: 1 })
    default:
      return new ApiError({ message: `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, status: 1 })
  }
}
