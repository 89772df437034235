// The `fanout` section: followers that are served, and hubs that are followed.
import * as Schema from "effect/Schema"
import { flag, integer, list, parsedScalar, parsedText, section, text } from "./schema-parts.ts"
import { parseEndpoint, parseHubEndpoint, parseSeconds } from "./values.ts"

const seconds = (what: string, least: number, most: number) =>
  parsedScalar(`${what}: seconds, ${least} to ${most}`, parseSeconds(least, most))

const endpoint = parsedText("an address with a port, like 192.0.2.1:5473 or [2001:db8::1]:5473", parseEndpoint)

const hubEndpoint = parsedText("a hub with its port, like hub1:5473 or 192.0.2.1:5473", parseHubEndpoint)

const tls = section("TLS with certificates on both sides", {
  certificate: text("a file with our certificate"),
  key: text("a file with its private key"),
  authority: text("a file with the authorities that sign the other side's certificates"),
  "common-name": Schema.optionalKey(text("the common name that the other side's certificate has")),
  uri: Schema.optionalKey(text("the URI (subject alternative name) that the other side's certificate has"))
})

const serve = section("followers that are served", {
  listen: list("addresses with ports", endpoint),
  tls: Schema.optionalKey(tls),
  streams: Schema.optionalKey(list("names of streams that clients may ask for", text("the name of a stream"))),
  compression: Schema.optionalKey(flag("compress for clients that can")),
  "handshake-timeout": Schema.optionalKey(seconds("for how long a client may take to say hello", 1, 3600)),
  "ping-interval": Schema.optionalKey(seconds("the time between pings", 1, 3600)),
  "pong-timeout": Schema.optionalKey(seconds("when a client that does not answer is dropped", 1, 36_000)),
  "write-timeout": Schema.optionalKey(seconds("when a client that takes nothing is dropped", 1, 36_000)),
  "max-fall-behind": Schema.optionalKey(seconds("how far behind a client may be", 1, 36_000)),
  "grace-period": Schema.optionalKey(seconds("for how long a new client may be behind", 0, 36_000)),
  "drain-timeout": Schema.optionalKey(seconds("over which time clients are let go at the end", 0, 3600)),
  "max-clients": Schema.optionalKey(integer("how many clients at most", 1, 1_000_000)),
  rebalance: Schema.optionalKey(
    section("how clients spread over hubs", {
      hubs: integer("how many hubs there are", 1, 1000),
      nodes: integer("how many nodes follow them", 1, 1_000_000),
      connections: Schema.optionalKey(integer("how many connections each node has", 1, 16)),
      least: Schema.optionalKey(integer("a limit is never lower than this", 1, 1_000_000))
    })
  )
})

const hub = Schema.Union([
  hubEndpoint,
  section("a hub", { address: hubEndpoint, local: Schema.optionalKey(flag("prefer it to the others")) })
]).annotate({ message: "expected a hub: an address with a port, or keys and values", description: "a hub" })

const follow = section("hubs that are followed", {
  hubs: list("hubs", hub).check(
    Schema.makeFilter((value: ReadonlyArray<unknown>) => (value.length > 0 ? undefined : "name at least one hub"))
  ),
  tls: Schema.optionalKey(tls),
  stream: Schema.optionalKey(text("the stream to ask for")),
  compression: Schema.optionalKey(flag("take the hub's compression")),
  "stale-after": Schema.optionalKey(
    parsedScalar("seconds without a hub until the table is called stale; 0: never", parseSeconds(0, 604_800))
  ),
  "withdraw-stale": Schema.optionalKey(flag("withdraw a stale table; otherwise it stays in use"))
})

const etcdEndpoint = Schema.String.check(
  Schema.makeFilter((value: string) =>
    /^https?:\/\/[^/\s]+$/.test(value) ? undefined : "expected an etcd endpoint, like http://192.0.2.1:2379"
  )
)

const keyPrefix = Schema.String.check(
  Schema.makeFilter((value: string) =>
    /^\/.+/.test(value) && !"/backwalk/".startsWith(value) && !value.startsWith("/backwalk/")
      ? undefined
      : "expected the beginning of other people's keys, like /calico/"
  )
)

const store = section("a store that the speakers and hubs of a site share", {
  etcd: list("etcd endpoints", etcdEndpoint).check(
    Schema.makeFilter((value: ReadonlyArray<unknown>) => (value.length > 0 ? undefined : "name at least one endpoint"))
  ),
  name: Schema.optionalKey(text("our name in the store")),
  publish: Schema.optionalKey(flag("put our best routes into the store")),
  serve: Schema.optionalKey(flag("serve followers what the store holds, instead of our own table alone")),
  pass: Schema.optionalKey(list("prefixes of keys", keyPrefix)),
  lease: Schema.optionalKey(seconds("for how long what we published outlives us", 2, 3600)),
  tls: Schema.optionalKey(
    section("TLS towards etcd", {
      certificate: text("a file with our certificate"),
      key: text("a file with its private key"),
      authority: text("a file with the authorities that sign etcd's certificate")
    })
  )
})

export const fanout = section("followers of this router's table, or the hubs that it follows", {
  serve: Schema.optionalKey(serve),
  follow: Schema.optionalKey(follow),
  store: Schema.optionalKey(store)
})

export type FanoutSection = typeof fanout.Type
export type TlsSection = typeof tls.Type
