// etcd v3 through its JSON gateway, which every etcd serves on its client port: ranges, transactions under a lease, watches as a stream of
// lines. Nothing here decides anything; the machines of the store do (src/fanout/store-*.ts). ADR-0030 says why not a gRPC client.
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { Context, Effect, Layer, Schema, Stream } from "effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"

/** `lease` and `compacted` are the failures that mean something; anything else is `unavailable`. */
export class EtcdError extends Schema.TaggedError<EtcdError>()("EtcdError", {
  reason: Schema.Literals(["compacted", "lease", "unavailable"]),
  message: Schema.String
}) {}

export interface EtcdOptions {
  /** `http://host:2379` or `https://…`, at least one. */
  readonly endpoints: ReadonlyArray<string>
  /** PEM texts. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

/** One key of the store. `value` undefined: it was deleted. */
export interface StoreUpdate {
  readonly key: string
  readonly value: Uint8Array | undefined
  /** Of its last change. */
  readonly revision: number
}

export interface StorePage {
  /** What the page was read at. */
  readonly revision: number
  readonly updates: ReadonlyArray<StoreUpdate>
  readonly isMore: boolean
}

export interface StoreChange {
  readonly key: string
  readonly value: Uint8Array | undefined
}

export interface EtcdService {
  /** Keys that begin with `prefix`, in order, after `after`, as they were at `revision` (0: now). */
  readonly page: (
    endpoint: number,
    prefix: string,
    options: { readonly revision: number; readonly after: string | undefined; readonly limit: number }
  ) => Effect.Effect<StorePage, EtcdError>
  /** Changes from `fromRevision` on. The first element is empty: the watch is open. Ends only in failure. */
  readonly watch: (
    endpoint: number,
    prefix: string,
    fromRevision: number
  ) => Stream.Stream<ReadonlyArray<StoreUpdate>, EtcdError>
  /** Without a lease. Gives the revision of the write. */
  readonly put: (endpoint: number, key: string, value: Uint8Array) => Effect.Effect<number, EtcdError>
  readonly remove: (endpoint: number, key: string) => Effect.Effect<void, EtcdError>
  readonly grant: (
    endpoint: number,
    ttlS: number
  ) => Effect.Effect<{ readonly lease: string; readonly ttlS: number }, EtcdError>
  /** The time to live that is left, seconds; 0: the lease is forgotten. */
  readonly keepAlive: (endpoint: number, lease: string) => Effect.Effect<number, EtcdError>
  readonly revoke: (endpoint: number, lease: string) => Effect.Effect<void, EtcdError>
  /** All changes in one revision, puts under `lease`; only while `fence` (if any) belongs to `lease`. */
  readonly transact: (
    endpoint: number,
    options: {
      readonly lease: string
      readonly fence: string | undefined
      readonly changes: ReadonlyArray<StoreChange>
    }
  ) => Effect.Effect<void, EtcdError>
}

export class Etcd extends Context.Service<Etcd, EtcdService>()("backwalk/runtime/Etcd") {
  static readonly layer = (options: EtcdOptions): Layer.Layer<Etcd> =>
    Layer.effect(
      Etcd,
      Effect.map(HttpClient.HttpClient, (client) => etcdOver(client, options.endpoints))
    ).pipe(Layer.provide(NodeHttpClient.layerNodeHttpOptions({ keepAlive: true, ...options.tls })))
}

const etcdOver = (client: HttpClient.HttpClient, endpoints: ReadonlyArray<string>): EtcdService => {
  const send = (
    endpoint: number,
    path: string,
    body: unknown
  ): Effect.Effect<HttpClientResponse.HttpClientResponse, EtcdError> =>
    HttpClientRequest.post(`${endpoints[endpoint % endpoints.length]}${path}`).pipe(
      // A member that has lost its leader answers no request and ends its watches: better another one than an old view.
      HttpClientRequest.setHeader("grpc-metadata-hasleader", "true"),
      HttpClientRequest.bodyJsonUnsafe(body),
      client.execute,
      Effect.mapError(unavailable)
    )
  const ask = Effect.fnUntraced(
    function* (endpoint: number, path: string, body: unknown) {
      const response = yield* send(endpoint, path, body)
      const text = yield* Effect.mapError(response.text, unavailable)
      return yield* answerOf(text)
    },
    Effect.timeoutOrElse({ duration: ANSWER_MS, orElse: () => Effect.fail(silent) })
  )

  return {
    page: Effect.fnUntraced(function* (endpoint, prefix, { revision, after, limit }) {
      const answer = yield* ask(endpoint, "/v3/kv/range", {
        key: toBase64(after === undefined ? prefix : `${after}\0`),
        range_end: rangeEnd(prefix),
        revision: String(revision),
        limit: String(limit)
      })
      const kvs = (answer.kvs ?? []) as ReadonlyArray<KeyValue>
      return {
        revision: revision === 0 ? Number(answer.header?.revision ?? 0) : revision,
        updates: kvs.map(updateOf),
        isMore: answer.more === true
      }
    }),
    watch: (endpoint, prefix, fromRevision) =>
      Stream.unwrap(
        Effect.map(
          send(endpoint, "/v3/watch", {
            create_request: { key: toBase64(prefix), range_end: rangeEnd(prefix), start_revision: String(fromRevision) }
          }),
          (response) =>
            response.stream.pipe(
              Stream.mapError(unavailable),
              Stream.decodeText,
              Stream.splitLines,
              Stream.filter((line) => line !== ""),
              Stream.mapEffect(changesOf),
              Stream.concat(Stream.fail(new EtcdError({ reason: "unavailable", message: "the store ended the watch" })))
            )
        )
      ),
    put: (endpoint, key, value) =>
      Effect.map(
        ask(endpoint, "/v3/kv/put", { key: toBase64(key), value: Buffer.from(value).toString("base64") }),
        (answer) => Number(answer.header?.revision ?? 0)
      ),
    remove: (endpoint, key) => Effect.asVoid(ask(endpoint, "/v3/kv/deleterange", { key: toBase64(key) })),
    grant: (endpoint, ttlS) =>
      Effect.map(ask(endpoint, "/v3/lease/grant", { TTL: String(ttlS) }), (answer) => ({
        lease: String(answer.ID),
        ttlS: Number(answer.TTL ?? ttlS)
      })),
    keepAlive: (endpoint, lease) =>
      Effect.map(ask(endpoint, "/v3/lease/keepalive", { ID: lease }), (answer) => Number(answer.result?.TTL ?? 0)),
    revoke: (endpoint, lease) => Effect.asVoid(ask(endpoint, "/v3/lease/revoke", { ID: lease })),
    transact: Effect.fnUntraced(function* (endpoint, { lease, fence, changes }) {
      const compare = fence === undefined ? [] : [{ key: toBase64(fence), target: "LEASE", result: "EQUAL", lease }]
      const answer = yield* ask(endpoint, "/v3/kv/txn", {
        compare,
        success: changes.map((each) => operation(each, lease))
      })
      if (answer.succeeded !== true) {
        return yield* new EtcdError({ reason: "lease", message: "another speaker of the same name has taken over" })
      }
    })
  }
}

interface KeyValue {
  readonly key: string
  readonly value?: string
  readonly mod_revision?: string
}

/** Of what the gateway sends, the parts that are read. 64-bit integers are texts. */
interface Answer {
  readonly header?: { readonly revision?: string }
  readonly kvs?: unknown
  readonly more?: boolean
  readonly succeeded?: boolean
  readonly ID?: string
  readonly TTL?: string
  readonly result?: {
    readonly TTL?: string
    readonly canceled?: boolean
    readonly compact_revision?: string
    readonly cancel_reason?: string
    readonly events?: ReadonlyArray<{ readonly type?: string; readonly kv: KeyValue }>
  }
  readonly error?: unknown
  readonly message?: string
  readonly code?: number
}

const answerOf = (text: string): Effect.Effect<Answer, EtcdError> =>
  Effect.flatMap(
    Effect.try({
      try: () => JSON.parse(text === "" ? "{}" : text) as Answer,
      catch: () => new EtcdError({ reason: "unavailable", message: `not an etcd answer: ${text.slice(0, 80)}` })
    }),
    (answer) => (answer.error === undefined ? Effect.succeed(answer) : Effect.fail(refusal(answer)))
  )

const changesOf = (line: string): Effect.Effect<ReadonlyArray<StoreUpdate>, EtcdError> =>
  Effect.flatMap(answerOf(line), ({ result }) => {
    if (result?.compact_revision !== undefined) {
      return Effect.fail(new EtcdError({ reason: "compacted", message: `compacted up to ${result.compact_revision}` }))
    }
    if (result?.canceled === true) {
      return Effect.fail(
        new EtcdError({ reason: "unavailable", message: result.cancel_reason || "the store ended the watch" })
      )
    }
    return Effect.succeed(
      (result?.events ?? []).map(({ type, kv }) => (type === "DELETE" ? deletionOf(kv) : updateOf(kv)))
    )
  })

const updateOf = ({ key, value, mod_revision }: KeyValue): StoreUpdate => ({
  key: Buffer.from(key, "base64").toString("utf8"),
  value: Buffer.from(value ?? "", "base64"),
  revision: Number(mod_revision ?? 0)
})

const deletionOf = (kv: KeyValue): StoreUpdate => ({ ...updateOf(kv), value: undefined })

const operation = ({ key, value }: StoreChange, lease: string): unknown =>
  value === undefined
    ? { requestDeleteRange: { key: toBase64(key) } }
    : { requestPut: { key: toBase64(key), value: Buffer.from(value).toString("base64"), lease } }

const toBase64 = (text: string): string => Buffer.from(text, "utf8").toString("base64")

/** The first key after all that begin with `prefix`. */
const rangeEnd = (prefix: string): string => {
  const end = Buffer.from(prefix, "utf8")
  end[end.length - 1]++
  return end.toString("base64")
}

const refusal = (answer: Answer): EtcdError => {
  const message = answer.message ?? JSON.stringify(answer.error)
  return new EtcdError({ reason: reasonOf(answer.code, message), message })
}

const reasonOf = (code: number | undefined, message: string): EtcdError["reason"] => {
  if (code === GRPC_OUT_OF_RANGE && message.includes("compacted")) return "compacted"
  return code === GRPC_NOT_FOUND && message.includes("lease") ? "lease" : "unavailable"
}

const unavailable = (error: { readonly message: string }): EtcdError =>
  new EtcdError({ reason: "unavailable", message: error.message })

const silent = new EtcdError({ reason: "unavailable", message: "the store did not answer in time" })

const ANSWER_MS = 5_000
const GRPC_NOT_FOUND = 5
const GRPC_OUT_OF_RANGE = 11
