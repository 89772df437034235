// The shape of the configuration file, as the contract writes it. The schema accepts or refuses and changes nothing: what it accepts
// is resolved to the router's configuration in resolve.ts. Every check says how to mend what it refuses. The JSON Schema for editors
// is made from this.
import * as Schema from "effect/Schema"
import { PEERS_MAX } from "../machine/index.ts"
import { FAMILY_NAMES } from "../wire/index.ts"
import { fanout } from "./fanout-schema.ts"
import { kernel } from "./kernel-schema.ts"
import { annotationOf } from "./problems.ts"
import { flag, integer, list, oneOf, parsedScalar, parsedText, section, text } from "./schema-parts.ts"
import {
  parseAnyAsn,
  parseAsn,
  parseCommunity,
  parseEndpoint,
  parseHoldTime,
  parseHost,
  parseHostname,
  parseInterface,
  parseNetwork,
  parseNextHop,
  parsePassword,
  parseRestart,
  parseRouterId,
  parseSeconds,
  parseSize,
  parseSoftwareVersion,
  problemOf
} from "./values.ts"

const asn = Schema.Finite.annotate({
  message: "expected an AS number: a whole number from 1 to 4294967295",
  description: "AS number"
}).check(Schema.makeFilter((value: number) => problemOf(parseAsn(value))))

const host = parsedText("an IPv4 or IPv6 address", parseHost)
const prefix = parsedText("a prefix like 192.0.2.0/24 or 2001:db8::/32", parseNetwork)
const endpoint = parsedText("an address with a port, like 192.0.2.1:179 or [2001:db8::1]:179", parseEndpoint)

export const FAMILIES: typeof FAMILY_NAMES = FAMILY_NAMES
/** More next hops than a group of the kernel usefully has. */
const MULTIPATH_MAX = 64
export const PEER_TYPES = ["external", "internal", "route-reflector-client", "route-server-client"] as const
/** RFC 9234 §4.1: what we are to the peer. */
export const ROLES = ["provider", "customer", "peer", "rs", "rs-client"] as const

/** `~` takes back what the group says: the default holds, as if nobody had said anything. */
const option = <S extends Schema.Top>(schema: S) =>
  Schema.optionalKey(Schema.NullOr(schema).annotate(annotationsOf(schema)))

/** NullOr would say "expected … | null": keep the words of what is inside. */
const annotationsOf = ({ ast }: Schema.Top): { message?: string; description?: string } => {
  const message = annotationOf(ast, "message")
  const description = annotationOf(ast, "description")
  return { ...(message === undefined ? {} : { message }), ...(description === undefined ? {} : { description }) }
}

const ADD_PATH_SEND = "how many paths to send for a prefix: 0 (just the best one), 1 to 64, or all"
const pathsToSend = Schema.Union([
  integer(ADD_PATH_SEND, 0, 64),
  Schema.Literal("all").annotate({ message: `expected ${ADD_PATH_SEND}` })
]).annotate({ message: `expected ${ADD_PATH_SEND}`, description: ADD_PATH_SEND })

const gracefulRestart = Schema.Union([
  flag("graceful restart"),
  section("graceful restart (RFC 4724, RFC 8538, RFC 9494)", {
    helper: Schema.optionalKey(flag("keep the routes of a peer that restarts")),
    "restart-time": Schema.optionalKey(
      parsedScalar("for how long the peer keeps our routes: seconds, 0 to 4095", parseSeconds(0, 4095))
    ),
    "long-lived-time": Schema.optionalKey(
      parsedScalar("for how long after that, as a last resort: seconds, 0 to 16777215", parseSeconds(0, 0xff_ffff))
    )
  })
]).annotate({
  message: "expected graceful restart: true, false, or keys and values",
  description: "graceful restart (RFC 4724, RFC 8538, RFC 9494)"
})

/** What peers and groups have in common. */
const peerOptions = {
  asn: option(asn),
  type: option(oneOf("a peer type", PEER_TYPES)),
  name: option(text("a name for people")),
  port: option(integer("a TCP port", 1, 65535)),
  "local-address": option(host),
  passive: option(flag("wait for the peer to connect; never dial")),
  enabled: option(flag("bring the session up at start")),
  families: option(list("address families", oneOf("an address family", FAMILIES))),
  "hold-time": option(parsedScalar("a hold time in seconds: 0, or 3 to 65535", parseHoldTime)),
  "connect-retry": option(parsedScalar("a time in seconds, 1 to 65535", parseSeconds(1, 65535))),
  "idle-hold": option(parsedScalar("a time in seconds, 0 to 65535", parseSeconds(0, 65535))),
  "add-path": option(
    section("RFC 7911 options", {
      receive: Schema.optionalKey(flag("accept several paths for a prefix")),
      send: Schema.optionalKey(pathsToSend)
    })
  ),
  "extended-next-hop": option(flag("IPv4 routes may have IPv6 next hops (RFC 8950)")),
  "four-octet-as": option(flag("offer AS numbers of four octets (RFC 6793)")),
  "enhanced-refresh": option(flag("offer marks around a table that is told again (RFC 7313)")),
  "extended-message": option(flag("offer messages of up to 65535 bytes (RFC 8654)")),
  "graceful-restart": option(gracefulRestart),
  "delay-open": option(parsedScalar("a time in seconds, 0 to 65535", parseSeconds(0, 65535))),
  "open-wait": option(parsedScalar("a time in seconds, 5 to 240", parseSeconds(5, 240))),
  damping: option(flag("wait longer after each failure")),
  password: option(parsedText("the TCP MD5 password", parsePassword)),
  "ttl-security": option(flag("accept only packets that were not routed (GTSM, RFC 5082)")),
  multihop: option(integer("the TTL for a peer that is not on-link", 1, 255)),
  interface: option(parsedText("the name of an interface", parseInterface)),
  "local-as": option(asn),
  weight: option(integer("a weight; routes of peers with more are preferred", 0, 65535)),
  "cluster-id": option(parsedText("a cluster id, like 192.0.2.1", parseRouterId)),
  "next-hop": option(parsedText("our next hop for routes of this address's family", parseNextHop)),
  "next-hop-self": option(flag("our address as next hop of routes from other ASes, also to this peer inside")),
  "as-override": option(flag("replace the peer's AS number in AS paths by ours")),
  "enforce-first-as": option(flag("take only AS paths that begin with the peer's AS number (RFC 4271)")),
  "allow-own-as": option(integer("how often our AS number may stand in an AS path from the peer", 0, 255)),
  role: option(oneOf("what we are to the peer (RFC 9234)", ROLES)),
  "role-strict": option(flag("refuse a peer that does not say its role (RFC 9234)")),
  policy: option(oneOf("a policy", ["open"])),
  "disable-family": option(
    flag("stop listening to a family whose routes cannot be read, instead of ending the session (RFC 7606)")
  ),
  "max-prefixes": option(integer("how many prefixes the peer may send", 1, 0xffff_ffff)),
  "prefix-warning": option(integer("the percentage of max-prefixes at which to warn", 1, 100)),
  "prefix-restart": option(parsedScalar("a time in seconds, 1 to 604800, or never", parseRestart)),
  import: option(text("the name of a policy")),
  export: option(text("the name of a policy"))
}

const group = section("a group of peers", peerOptions)
const peer = section("a peer", {
  address: host,
  group: Schema.optionalKey(text("the name of a group")),
  ...peerOptions
})

const dynamic = section("a range of peers", {
  range: prefix,
  group: Schema.optionalKey(text("the name of a group")),
  asn: option(parsedScalar('an AS number, or "any"', parseAnyAsn)),
  limit: Schema.optionalKey(integer("how many peers at a time", 1, PEERS_MAX))
})

const staticRoute = section("a static route", {
  prefix,
  via: Schema.optionalKey(list("next hops", host)),
  discard: Schema.optionalKey(
    oneOf("instead of next hops: how packets are discarded", ["blackhole", "unreachable", "prohibit"])
  ),
  distance: Schema.optionalKey(integer("a distance; the lowest is used", 0, 255))
})

const originatedRoute = section("a route to originate", {
  prefix,
  communities: Schema.optionalKey(
    list("communities", parsedText('a community like "65000:1", in quotes', parseCommunity))
  )
})

const bestPath = section("how the best path is chosen", {
  "always-compare-med": Schema.optionalKey(flag("compare MED between all neighbouring ASes")),
  "deterministic-med": Schema.optionalKey(flag("compare MED by neighbouring AS; always so")),
  "med-missing-as-worst": Schema.optionalKey(flag("no MED counts as the highest one")),
  "compare-router-id": Schema.optionalKey(
    flag("compare router ids of external paths; false: the one that is best stays so (RFC 5004)")
  ),
  "ignore-as-path-length": Schema.optionalKey(flag("do not compare the lengths of AS paths"))
})

const pathCount = (what: string) => integer(what, 1, MULTIPATH_MAX)

const multipath = Schema.Union([
  pathCount("how many paths to use for a prefix"),
  section("how many paths to use for a prefix", {
    external: Schema.optionalKey(pathCount("how many paths from other ASes to use")),
    internal: Schema.optionalKey(pathCount("how many paths from our own AS to use")),
    "relax-as-path": Schema.optionalKey(flag("AS paths need the same length only")),
    "link-bandwidth": Schema.optionalKey(flag("weights from the link bandwidth community"))
  })
]).annotate({ message: `expected a number of paths from 1 to ${MULTIPATH_MAX}, or keys and values` })

const later = (what: string) => Schema.Unknown.annotate({ description: `${what} (not supported yet)` })

export const FileSchema = section("a configuration", {
  router: section("the router's identity", {
    asn,
    id: parsedText("a router id, like 192.0.2.1", parseRouterId),
    "cluster-id": Schema.optionalKey(parsedText("a cluster id, like 192.0.2.1", parseRouterId)),
    confederation: Schema.optionalKey(
      section("the confederation that asn is a member of (RFC 5065)", {
        identifier: asn,
        members: list("AS numbers of other members", asn)
      })
    ),
    "local-preference": Schema.optionalKey(integer("the preference of routes that have none", 0, 0xffff_ffff)),
    "best-path": Schema.optionalKey(bestPath),
    multipath: Schema.optionalKey(multipath),
    hostname: Schema.optionalKey(parsedText("a host name", parseHostname)),
    "software-version": Schema.optionalKey(parsedText("a text for peers, at most 64 bytes", parseSoftwareVersion))
  }),
  listen: Schema.optionalKey(list("addresses with ports", endpoint)),
  api: Schema.optionalKey(
    section("the control interface", {
      socket: Schema.optionalKey(text("the path of the control socket")),
      http: Schema.optionalKey(endpoint)
    })
  ),
  log: Schema.optionalKey(
    section("the event log", {
      directory: text("the directory to record into"),
      keep: Schema.optionalKey(parsedScalar("a size like 4GiB", parseSize))
    })
  ),
  kernel: Schema.optionalKey(kernel),
  groups: Schema.optionalKey(
    Schema.Record(Schema.String, group).annotate({
      message: "expected groups of peers by name",
      description: "groups of peers by name"
    })
  ),
  peers: Schema.optionalKey(list("peers", peer)),
  dynamic: Schema.optionalKey(list("ranges of peers", dynamic)),
  static: Schema.optionalKey(list("static routes", staticRoute)),
  originate: Schema.optionalKey(list("routes to originate", originatedRoute)),
  policies: Schema.optionalKey(later("policies by name")),
  fanout: Schema.optionalKey(fanout)
})

/** The configuration as written, in YAML or TypeScript. */
export type ConfigFile = typeof FileSchema.Type
export type PeerOptions = typeof group.Type
export type PeerEntry = typeof peer.Type
export type DynamicEntry = typeof dynamic.Type
