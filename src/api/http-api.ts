// The HTTP interface as a description: what the server answers, what /openapi.json says, and nothing else. Rows are described for
// readers; the server passes them on as the router gives them.

import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as OpenApi from "effect/http-api/OpenApi"
import * as Schema from "effect/Schema"
import { PARAMETERS, type Parameter } from "./questions.ts"

/** Every refusal has this body. */
export const Refusal = Schema.Struct({ error: Schema.String })

const BadRequest = Refusal.annotate({ identifier: "BadRequest" }).pipe(HttpApiSchema.status(400))
const Missing = Refusal.annotate({ identifier: "NotFound" }).pipe(HttpApiSchema.status(404))
const Refused = Refusal.annotate({ identifier: "Refused" }).pipe(HttpApiSchema.status(409))

const AnyObject = Schema.Record(Schema.String, Schema.Unknown)

const GracefulRestart = Schema.Struct({
  time: Schema.Int,
  restarting: Schema.Boolean,
  notification: Schema.Boolean,
  families: Schema.Array(Schema.String),
  forwarding: Schema.Array(Schema.String)
})

/** What the two OPENs of a session agree on. */
const Negotiated = Schema.Struct({
  remoteAs: Schema.Int,
  remoteId: Schema.String,
  as4: Schema.Boolean,
  holdTime: Schema.Int,
  keepalive: Schema.Int,
  families: Schema.Array(Schema.String),
  addPath: Schema.Struct({ receive: Schema.Array(Schema.String), send: Schema.Array(Schema.String) }),
  extendedMessage: Schema.Boolean,
  extendedNextHop: Schema.Boolean,
  routeRefresh: Schema.Boolean,
  enhancedRouteRefresh: Schema.Boolean,
  endOfRib: Schema.Boolean,
  gracefulRestart: Schema.NullOr(GracefulRestart),
  longLived: Schema.NullOr(
    Schema.Array(Schema.Struct({ family: Schema.String, time: Schema.Int, forwarding: Schema.Boolean }))
  ),
  role: Schema.NullOr(Schema.Struct({ own: Schema.String, remote: Schema.String, announced: Schema.Boolean }))
}).annotate({ identifier: "Negotiated" })

const PeerRow = Schema.Struct({
  address: Schema.String,
  port: Schema.Int,
  asn: Schema.Int,
  name: Schema.String,
  type: Schema.String,
  state: Schema.String,
  since: Schema.Unknown,
  families: Schema.Array(Schema.String),
  capabilities: Schema.Unknown,
  negotiated: Schema.NullOr(Negotiated),
  hostname: Schema.NullOr(Schema.String),
  softwareVersion: Schema.NullOr(Schema.String),
  dynamic: Schema.Boolean,
  range: Schema.NullOr(Schema.String),
  md5: Schema.Boolean,
  ttlSecurity: Schema.Boolean,
  restarting: Schema.Boolean,
  prefixes: Schema.Struct({
    received: Schema.Int,
    accepted: Schema.Int,
    advertised: Schema.Int,
    stale: Schema.Int
  }),
  stale: Schema.Record(Schema.String, Schema.Int),
  findings: Schema.Struct({ discarded: Schema.Int, treatedAsWithdraw: Schema.Int, last: Schema.String }),
  disabledFamilies: Schema.Array(Schema.String),
  messages: Schema.Struct({ in: Schema.Int, out: Schema.Int }),
  lastError: Schema.Unknown,
  lastNotification: Schema.NullOr(
    Schema.Struct({
      direction: Schema.Literals(["sent", "received"]),
      code: Schema.Int,
      subcode: Schema.Int,
      text: Schema.String,
      communication: Schema.NullOr(Schema.String),
      at: Schema.String
    })
  ),
  lastConnectError: Schema.NullOr(Schema.Struct({ text: Schema.String, at: Schema.String }))
}).annotate({ identifier: "Peer" })

const RouteRow = Schema.Struct({
  prefix: Schema.String,
  family: Schema.String,
  peer: Schema.String,
  pathId: Schema.Unknown,
  best: Schema.Boolean,
  reason: Schema.String,
  nextHop: Schema.String,
  origin: Schema.String,
  asPath: Schema.String,
  localPref: Schema.Unknown,
  med: Schema.Unknown,
  communities: Schema.Array(Schema.String),
  largeCommunities: Schema.Array(Schema.String),
  extendedCommunities: Schema.Array(Schema.String),
  stale: Schema.optionalKey(Schema.Boolean),
  multipath: Schema.optionalKey(Schema.Boolean),
  weight: Schema.optionalKey(Schema.Int)
}).annotate({ identifier: "Route" })

const FibRow = Schema.Struct({
  prefix: Schema.String,
  source: Schema.String,
  pathList: Schema.Unknown,
  nextHops: Schema.Array(Schema.Struct({ address: Schema.String, interface: Schema.String, weight: Schema.Int })),
  kernel: Schema.Unknown
}).annotate({ identifier: "FibEntry" })

const KernelRow = Schema.Struct({
  kind: Schema.String,
  key: Schema.Unknown,
  index: Schema.Unknown,
  state: Schema.String,
  references: Schema.Unknown,
  waitingFor: Schema.Unknown,
  error: Schema.Unknown,
  flags: Schema.optionalKey(Schema.Array(Schema.String)),
  history: Schema.Unknown
}).annotate({ identifier: "KernelObject" })

const SettledAnswer = Schema.Struct({
  settled: Schema.Boolean,
  revision: Schema.Int,
  waiting: Schema.Int,
  failed: Schema.Int
}).annotate({ identifier: "Settled" })

/** Query parameters as the table has them; the server checks them itself, to say what is wrong. */
const queryOf = (parameters: Readonly<Record<string, Parameter>>) =>
  Schema.Struct(
    Object.fromEntries(
      Object.entries(parameters).map(([name, { description }]) => [
        name,
        Schema.optionalKey(Schema.String.annotate({ description }))
      ])
    )
  )

const ndjsonOf = <S extends Schema.Top>(schema: S) => HttpApiSchema.StreamNdjson({ schema })
const refusals = [BadRequest, Missing] as const

const reading = HttpApiGroup.make("reading").add(
  HttpApiEndpoint.get("peers", "/v1/peers", {
    query: queryOf(PARAMETERS.peers),
    success: Schema.Array(PeerRow),
    error: refusals
  }),
  HttpApiEndpoint.get("routes", "/v1/routes", {
    query: queryOf(PARAMETERS.routes),
    success: ndjsonOf(RouteRow),
    error: refusals
  }),
  HttpApiEndpoint.get("fib", "/v1/fib", { query: queryOf(PARAMETERS.fib), success: ndjsonOf(FibRow), error: refusals }),
  HttpApiEndpoint.get("graph", "/v1/graph", { query: queryOf(PARAMETERS.graph), success: AnyObject, error: refusals }),
  HttpApiEndpoint.get("kernel", "/v1/kernel", {
    query: queryOf(PARAMETERS.kernel),
    success: ndjsonOf(KernelRow),
    error: refusals
  }),
  HttpApiEndpoint.get("settled", "/v1/kernel/settled", {
    query: Schema.Struct({
      within: Schema.optionalKey(Schema.String.annotate({ description: "seconds to wait at most, up to 3600; 60" }))
    }),
    success: SettledAnswer,
    error: refusals
  }),
  HttpApiEndpoint.get("walks", "/v1/walks", { success: AnyObject, error: refusals }),
  HttpApiEndpoint.get("buffers", "/v1/buffers", { success: AnyObject, error: refusals }),
  HttpApiEndpoint.get("fanout", "/v1/fanout", { success: AnyObject, error: refusals }),
  HttpApiEndpoint.get("log", "/v1/log", { success: AnyObject, error: refusals }),
  HttpApiEndpoint.get("health", "/v1/health", { success: AnyObject, error: refusals }),
  HttpApiEndpoint.get("liveness", "/liveness", { success: HttpApiSchema.Empty(204), error: HttpApiSchema.Empty(503) }),
  HttpApiEndpoint.get("readiness", "/readiness", {
    success: HttpApiSchema.Empty(204),
    error: HttpApiSchema.Empty(503)
  }),
  HttpApiEndpoint.get("events", "/v1/events", {
    success: HttpApiSchema.StreamSse({ data: AnyObject })
  })
)

export const PEER_ACTIONS = ["enable", "disable", "reset", "refresh", "bfd-down"] as const
export type PeerAction = (typeof PEER_ACTIONS)[number]

/** What may come with an order to a peer. */
export const PeerOrder = Schema.Struct({
  message: Schema.optionalKey(
    Schema.String.annotate({
      description: "with disable and reset: what the peer is told, at most 255 bytes (RFC 9003)"
    })
  ),
  soft: Schema.optionalKey(
    Schema.Boolean.annotate({ description: "with reset: only if both sides keep the routes meanwhile (RFC 8538)" })
  )
}).annotate({ identifier: "PeerOrder" })

/** Routes by hand: what to announce and what to take back, in this order. */
export const RouteChanges = Schema.Struct({
  withdraw: Schema.optionalKey(Schema.Array(Schema.String)),
  announce: Schema.optionalKey(
    Schema.Array(Schema.Struct({ prefix: Schema.String, communities: Schema.optionalKey(Schema.Array(Schema.String)) }))
  )
}).annotate({ identifier: "RouteChanges" })

const Done = Schema.Struct({ message: Schema.String })

const operating = HttpApiGroup.make("operating").add(
  HttpApiEndpoint.post("peer", "/v1/peers/:address/:action", {
    params: { address: Schema.String, action: Schema.String.annotate({ description: PEER_ACTIONS.join(", ") }) },
    payload: PeerOrder,
    success: Done,
    error: [BadRequest, Missing, Refused]
  }),
  HttpApiEndpoint.post("changeRoutes", "/v1/routes", {
    payload: RouteChanges,
    success: Done,
    error: [BadRequest, Refused]
  }),
  HttpApiEndpoint.post("resync", "/v1/kernel/resync", { success: Done, error: Refused })
)

export const BackwalkApi = HttpApi.make("backwalk")
  .add(reading)
  .add(operating)
  .annotateMerge(
    OpenApi.annotations({
      title: "Backwalk",
      description:
        "A BGP routing daemon: what it knows, what it chose, what it programmed. Tables are NDJSON, one row a line."
    })
  )
