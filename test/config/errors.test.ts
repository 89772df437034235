// What is wrong with a configuration, where, and how to mend it. Each row is a text and the problems it must give, in full and in the
// order of the file.
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { type ConfigError, parseConfig } from "../../src/config/index.ts"

const ROUTER = "router: { asn: 65000, id: 192.0.2.1 }\n"

const problemsOf = (text: string): ReadonlyArray<string> => {
  const error: ConfigError = Effect.runSync(Effect.flip(parseConfig(text, "f.yaml")))
  return error.message.split("\n")
}

const table: ReadonlyArray<readonly [name: string, text: string, ...problems: ReadonlyArray<string>]> = [
  ["an empty file", "", "1:1: expected a configuration: keys and values"],
  ["a router without an id", "router: { asn: 65000 }", '1:9: "id" is missing here; add it'],
  [
    "a router id that is no IPv4 address",
    "router: { asn: 65000, id: 2001:db8::1 }",
    `1:27: "2001:db8::1" is not a router id; write one of the router's IPv4 addresses, like 192.0.2.1`
  ],
  [
    "AS_TRANS as an AS number",
    "router: { asn: 23456, id: 192.0.2.1 }",
    "1:16: 23456 is AS_TRANS and nobody's own AS number (RFC 6793)"
  ],
  [
    "an AS number in dots",
    "router: { asn: 1.10, id: 192.0.2.1 }",
    "1:16: an AS number is a whole number from 1 to 4294967295"
  ],
  ["an unknown section", `${ROUTER}per: []`, '2:1: unknown key "per"; did you mean "peers"?'],
  [
    "an unknown key that resembles none",
    "router: { asn: 65000, id: 192.0.2.1, colour: red }",
    '1:38: unknown key "colour"; known here: asn, best-path, cluster-id, confederation, hostname, id, local-preference, multipath, software-version'
  ],
  [
    "an underscore for a hyphen",
    `${ROUTER}kernel: { on_exit: keep }`,
    '2:11: unknown key "on_exit"; did you mean "on-exit"?'
  ],
  ["a list where one value stands", `${ROUTER}listen: 127.0.0.1:179`, "2:9: expected a list of addresses with ports"],
  [
    "a listener without a port",
    `${ROUTER}listen: ["127.0.0.1"]`,
    '2:10: "127.0.0.1" is not an address with a port; write it like "192.0.2.1:179" or "[2001:db8::1]:179", in quotes'
  ],
  [
    "a listener by host name",
    `${ROUTER}listen: ["localhost:179"]`,
    '2:10: "localhost" is not an address; host names are not looked up here, and IPv6 addresses stand in brackets'
  ],
  [
    "a listener twice, written differently",
    `${ROUTER}listen: ["[::1]:179", "[0:0::1]:179"]`,
    "2:23: [::1]:179 is listed twice; remove one"
  ],
  [
    "an API beyond this host",
    `${ROUTER}api: { http: "0.0.0.0:8179" }`,
    "2:14: the API has no authentication on TCP yet, so 0.0.0.0:8179 is refused; listen on 127.0.0.1 or [::1] and put a proxy in front"
  ],
  ["a log without a directory", `${ROUTER}log: { keep: 1GiB }`, '2:6: "directory" is missing here; add it'],
  [
    "a size that is none",
    `${ROUTER}log: { directory: /tmp, keep: 4 gigs }`,
    '2:31: "4 gigs" is not a size; write it like 4GiB, 512MiB or 100MB'
  ],
  [
    "a table by a name that Linux does not know",
    `${ROUTER}kernel: { table: min }`,
    '2:18: "min" is not a routing table; write main, default, local or a number from 1 to 4294967295'
  ],
  [
    "a metric that Linux would change",
    `${ROUTER}kernel: { metric: 0 }`,
    "2:19: expected a route metric: a whole number from 1 to 4294967295, not 0"
  ],
  [
    "a wrong word",
    `${ROUTER}kernel: { on-exit: delete }`,
    "2:20: expected what becomes of our routes at the end: one of keep, remove"
  ],
  [
    "a bad address",
    `${ROUTER}peers:\n  - { address: 192.0.2.300, asn: 1 }`,
    '3:16: "192.0.2.300" is not an IPv4 or IPv6 address; write it like 192.0.2.7 or 2001:db8::7'
  ],
  [
    "a prefix for an address",
    `${ROUTER}peers:\n  - { address: 192.0.2.7/32, asn: 1 }`,
    '3:16: "192.0.2.7/32" is a prefix; write a single address, without "/32"'
  ],
  [
    "a multicast address",
    `${ROUTER}peers:\n  - { address: 224.0.0.5, asn: 1 }`,
    "3:16: 224.0.0.5 is no host's address"
  ],
  [
    "a link-local address without an interface",
    `${ROUTER}peers:\n  - { address: "fe80::1", asn: 1 }`,
    "3:16: a link-local address needs its interface: write fe80::1%eth0"
  ],
  [
    "an interface on a global address",
    `${ROUTER}peers:\n  - { address: "2001:db8::1%eth0", asn: 1 }`,
    '3:16: only link-local addresses take an interface: drop "%eth0"'
  ],
  [
    "a peer without an address or an AS number",
    `${ROUTER}peers:\n  - { port: 179 }`,
    '3:5: "address" is missing here; add it',
    `3:5: "asn" is missing here and in the peer's group; add the peer's AS number`
  ],
  [
    "a peer twice, written differently",
    `${ROUTER}peers:\n  - { address: 2001:db8::1, asn: 1 }\n  - { address: 2001:DB8:0::1, asn: 2 }`,
    "4:16: 2001:db8::1 is already peer number 1; an address has one peer"
  ],
  [
    "a group that is not there, nearly",
    `${ROUTER}groups: { members: {} }\npeers:\n  - { address: 192.0.2.7, asn: 1, group: member }`,
    '4:42: there is no group "member"; did you mean "members"?'
  ],
  [
    "a group that is not there at all",
    `${ROUTER}peers:\n  - { address: 192.0.2.7, asn: 1, group: constructor }`,
    '3:42: there is no group "constructor"; add it under groups'
  ],
  [
    "a group in a group",
    `${ROUTER}groups: { members: { group: others } }`,
    '2:22: unknown key "group"; known here: add-path, allow-own-as, as-override, asn, cluster-id, connect-retry, damping, delay-open, disable-family, enabled, enforce-first-as, enhanced-refresh, export, extended-message, extended-next-hop, families, four-octet-as, graceful-restart, hold-time, idle-hold, import, interface, local-address, local-as, max-prefixes, multihop, name, next-hop, next-hop-self, open-wait, passive, password, policy, port, prefix-restart, prefix-warning, role, role-strict, ttl-security, type, weight'
  ],
  ["a wrong type inside a group", `${ROUTER}groups:\n  members:\n    passive: "yes"`, "4:14: expected true or false"],
  [
    "a port as text",
    `${ROUTER}peers:\n  - { address: 192.0.2.7, asn: 1, port: "179" }`,
    "3:41: expected a TCP port: a whole number from 1 to 65535"
  ],
  [
    "a hold time below three seconds",
    `${ROUTER}peers:\n  - address: 192.0.2.7\n    asn: 1\n    hold-time: 2`,
    "5:16: a hold time is 0 (never expires) or at least 3 seconds, not 2 (RFC 4271 §4.2)"
  ],
  [
    "a time too long",
    `${ROUTER}peers:\n  - { address: 192.0.2.7, asn: 1, idle-hold: 1d }`,
    "3:46: 1d is not between 0 and 65535 seconds"
  ],
  [
    "an internal peer with another AS number",
    `${ROUTER}peers:\n  - { address: 192.0.2.7, asn: 1, type: internal }`,
    "3:41: internal peers have our AS number 65000, not 1; correct asn, or leave type out"
  ],
  [
    "a route server's client with our AS number, by its group",
    `${ROUTER}groups: { members: { type: route-server-client } }\npeers:\n  - { address: 192.0.2.7, asn: 65000, group: members }`,
    "4:5: route-server-client peers have another AS number than ours, 65000; correct asn, or leave type out"
  ],
  [
    "a local address of another family",
    `${ROUTER}peers:\n  - { address: 192.0.2.7, asn: 1, local-address: 2001:db8::1 }`,
    "3:50: 2001:db8::1 and 192.0.2.7 are of different families; a session has one"
  ],
  [
    "no families",
    `${ROUTER}peers:\n  - { address: 192.0.2.7, asn: 1, families: [] }`,
    "3:45: a session without a family carries nothing; name one, or leave families out"
  ],
  [
    "host bits in a prefix",
    `${ROUTER}originate: [{ prefix: 198.51.100.7/24 }]`,
    '2:23: "198.51.100.7/24" has bits set beyond /24; write 198.51.100.0/24'
  ],
  [
    "an address for a prefix",
    `${ROUTER}originate: [{ prefix: 2001:db8::1 }]`,
    '2:23: "2001:db8::1" has no length; write 2001:db8::1/128 for the single address'
  ],
  [
    "a community out of range",
    `${ROUTER}originate: [{ prefix: 198.51.100.0/24, communities: ["65536:1"] }]`,
    '2:54: "65536:1" is not a community; write it like "65000:1", in quotes, or graceful-shutdown, blackhole, no-export, no-advertise, no-export-subconfed, no-peer'
  ],
  [
    "a prefix originated twice",
    `${ROUTER}originate: [{ prefix: 10.0.0.0/8 }, { prefix: 10.0.0.0/8 }]`,
    "2:47: 10.0.0.0/8 is listed twice; remove one"
  ],
  [
    "static routes that contradict each other, and one that leads nowhere",
    `${ROUTER}static:\n  - { prefix: 10.0.0.0/8, via: [192.0.2.1] }\n  - { prefix: 10.0.0.0/8, via: [] }`,
    "4:15: 10.0.0.0/8 with this distance is listed twice; give several next hops in one via",
    "4:32: a static route needs at least one next hop; add one"
  ],
  [
    "sections of later versions",
    `${ROUTER}policies: {}`,
    '2:1: "policies" is not supported yet: use `policy: open` on a peer to accept and announce everything'
  ],
  [
    "followers that could be anybody, nowhere to serve them, and hubs",
    `${ROUTER}fanout:\n  serve: { listen: [], tls: { certificate: a, key: b, authority: c } }\n  follow: { hubs: ["hub1"] }`,
    "3:20: name at least one address with a port, or remove the section",
    "3:29: say whom to trust: common-name, uri, or both (either is then enough)",
    '4:20: "hub1" is not a hub; write it like "hub1:5473", "192.0.2.1:5473" or "[2001:db8::1]:5473"'
  ],
  [
    "settings of later versions, in peers and groups",
    `${ROUTER}groups: { members: { import: all } }\npeers:\n  - { address: 192.0.2.7, asn: 1, export: all }`,
    '2:22: "import" is not supported yet: use `policy: open` to accept everything',
    '4:35: "export" is not supported yet: use `policy: open` to announce everything'
  ],
  [
    "an alias without its anchor",
    `${ROUTER}listen: *everywhere`,
    '2:9: there is no anchor "&everywhere" before this; add it, or write the value'
  ],
  ["a key twice", "router: { asn: 65000, id: 192.0.2.1 }\nrouter: {}", "2:1: Map keys must be unique"],
  [
    "a bracket that is not closed",
    `${ROUTER}listen: ["127.0.0.1:179"`,
    "2:25: Flow sequence in block collection must be sufficiently indented and end with a ]"
  ]
]

describe("a configuration with errors", () => {
  it.each(table)("names the place and the remedy: %s", (_name, text, ...problems) => {
    expect(problemsOf(text)).toEqual(problems.map((problem) => `f.yaml:${problem}`))
  })

  it("reports every problem at once, in the order of the file", () => {
    const text = `router: { asn: 0, id: here }\npers: []\nlisten: [5]\npeers:\n  - { address: x, asn: 1, group: y, pasive: true }\n`
    expect(problemsOf(text).map((problem) => problem.split(": ")[0])).toEqual([
      "f.yaml:1:16",
      "f.yaml:1:23",
      "f.yaml:2:1",
      "f.yaml:3:10",
      "f.yaml:5:16",
      "f.yaml:5:34",
      "f.yaml:5:37"
    ])
  })

  it("places an error behind an alias at the anchor", () => {
    expect(problemsOf(`${ROUTER}kernel: &k { table: -1 }\ngroups: { a: *k }`)).toEqual([
      expect.stringContaining('f.yaml:2:14: unknown key "table"'),
      'f.yaml:2:21: "-1" is not a routing table; write main, default, local or a number from 1 to 4294967295'
    ])
  })
})
