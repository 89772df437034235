// What is wrong with a peer, a group or a range of peers, where, and how to mend it: each setting by itself, and settings that
// contradict each other. Passwords are in no message.
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { type ConfigError, parseConfig } from "../../src/config/index.ts"

const ROUTER = "router: { asn: 65000, id: 192.0.2.1 }\n"

const problemsOf = (text: string): ReadonlyArray<string> => {
  const error: ConfigError = Effect.runSync(Effect.flip(parseConfig(text, "f.yaml")))
  return error.message.split("\n")
}

/** One external peer with these settings; they begin in column 35 of line 3. */
const peer = (settings: string): string => `${ROUTER}peers:\n  - { address: 192.0.2.7, asn: 1, ${settings} }`
const internal = (settings: string): string => `${ROUTER}peers:\n  - { address: 192.0.2.7, asn: 65000, ${settings} }`
const dynamic = (settings: string): string => `${ROUTER}dynamic:\n  - { range: 198.51.100.0/24, ${settings} }`

const table: ReadonlyArray<readonly [name: string, text: string, ...problems: ReadonlyArray<string>]> = [
  ["a number for a password", peer("password: 12345"), "3:45: expected the TCP MD5 password, as text"],
  ["an empty password", peer('password: ""'), "3:45: an empty password protects nothing; write one, or ~ for none"],
  [
    "a password of 81 bytes",
    peer(`password: ${"é".repeat(40)}x`),
    "3:45: the password is longer than the 80 bytes that TCP MD5 takes; choose a shorter one"
  ],
  [
    "a password that YAML takes for an alias",
    peer("password: *secret"),
    "3:45: this is read as an alias; a password that begins with * stands in quotes"
  ],
  ["TTL security in other words", peer("ttl-security: 1"), "3:49: expected true or false"],
  [
    "a distance of none",
    peer("multihop: 0"),
    "3:45: expected the TTL for a peer that is not on-link: a whole number from 1 to 255, not 0"
  ],
  [
    "TTL security that lets everything pass",
    peer("ttl-security: true, multihop: 255"),
    "3:65: with ttl-security, multihop is the greatest distance that a packet may come from, and 255 lets every packet pass; write the real distance"
  ],
  [
    "a link-local peer beyond its link",
    `${ROUTER}peers:\n  - { address: "fe80::1%eth0", asn: 1, multihop: 2 }`,
    "3:50: a link-local address is never further away than the link; remove multihop"
  ],
  [
    "an interface that is no name",
    peer("interface: eth0/1"),
    '3:46: "eth0/1" is not the name of an interface; write it like eth0: 1 to 15 characters, no spaces'
  ],
  [
    "a scope that is no name",
    `${ROUTER}peers:\n  - { address: "fe80::1%much-too-long-a-name", asn: 1 }`,
    '3:16: "much-too-long-a-name" is not the name of an interface; write it like eth0: 1 to 15 characters, no spaces'
  ],
  [
    "two interfaces for one peer",
    `${ROUTER}peers:\n  - { address: "fe80::1%eth0", asn: 1, interface: eth1 }`,
    "3:51: the address says eth0, and here stands eth1; leave interface out"
  ],
  [
    "a session between two links",
    `${ROUTER}peers:\n  - { address: "fe80::1%eth0", asn: 1, local-address: "fe80::2%eth1" }`,
    "3:55: fe80::2%eth1 and fe80::1%eth0 are on different links; a link-local session has one"
  ],
  ["local-as that is none", peer("local-as: 23456"), "3:45: 23456 is AS_TRANS and nobody's own AS number (RFC 6793)"],
  [
    "local-as that is the peer's",
    peer("local-as: 1"),
    "3:45: this is the peer's own AS number; with it the session would be internal"
  ],
  [
    "settings of external peers on an internal one",
    internal("local-as: 64999, as-override: true, role: peer"),
    "3:49: local-as is for external peers, and this one is an internal peer; remove it",
    "3:69: as-override is for external peers, and this one is an internal peer; remove it",
    "3:81: role is for external peers, and this one is an internal peer; remove it"
  ],
  [
    "local-as towards a route server's client",
    peer("type: route-server-client, local-as: 64999"),
    "3:72: local-as is for external peers, and this one is a route-server-client peer; remove it"
  ],
  [
    "next-hop-self towards a route server's client",
    peer("type: route-server-client, next-hop-self: true"),
    "3:77: a route-server-client is told next hops as they came (RFC 7947 §2.2.1); remove it, or make the peer external"
  ],
  [
    "our own AS number more often than anybody needs",
    peer("allow-own-as: 256"),
    "3:49: expected how often our AS number may stand in an AS path from the peer: a whole number from 0 to 255, not 256"
  ],
  [
    "a role that RFC 9234 does not know",
    peer("role: upstream"),
    "3:41: expected what we are to the peer (RFC 9234): one of provider, customer, peer, rs, rs-client"
  ],
  [
    "the peer's role where ours belongs",
    peer("type: route-server-client, role: rs-client"),
    "3:68: towards its clients a route server is rs, not rs-client; the role is ours, not the peer's"
  ],
  [
    "strictness about nothing",
    peer("role-strict: true"),
    "3:48: role-strict needs a role; add what we are to the peer"
  ],
  [
    "graceful restart in other words",
    peer("graceful-restart: helper"),
    "3:53: expected graceful restart: true, false, or keys and values"
  ],
  [
    "an unknown key of graceful restart",
    peer("graceful-restart: { restart-tim: 60 }"),
    '3:55: unknown key "restart-tim"; did you mean "restart-time"?'
  ],
  [
    "a restart time that its twelve bits cannot hold",
    peer("graceful-restart: { restart-time: 2h }"),
    "3:69: 2h is not between 0 and 4095 seconds"
  ],
  [
    "a long-lived time in words",
    peer("graceful-restart: { long-lived-time: long }"),
    '3:72: "long" is not a time in whole seconds; write it like 90, 90s or 2m'
  ],
  [
    "a key inside add-path",
    peer("add-path: { recieve: true }"),
    '3:47: unknown key "recieve"; did you mean "receive"?'
  ],
  [
    "the second of two families",
    peer("families: [ipv4-unicast, ipv5-unicast]"),
    "3:60: expected an address family: one of ipv4-unicast, ipv6-unicast, ipv4-multicast, ipv6-multicast, ipv4-labelled, ipv6-labelled, ipv4-vpn, ipv6-vpn, l2vpn-evpn, ipv4-flowspec, ipv6-flowspec, ipv4-flowspec-vpn, ipv6-flowspec-vpn, link-state"
  ],
  [
    "IPv6 next hops for no IPv4 routes",
    `${ROUTER}peers:\n  - { address: 2001:db8::7, asn: 1, extended-next-hop: true }`,
    "3:56: extended-next-hop is about IPv4 routes: add ipv4-unicast to families"
  ],
  [
    "a next hop of one link",
    peer("next-hop: fe80::1%eth0"),
    "3:45: fe80::1%eth0 is of one link; write a global address"
  ],
  [
    "a number that two octets cannot say",
    peer("local-as: 4200000000, four-octet-as: false"),
    "3:72: our AS number 4200000000 has four octets, and the peer would never learn it; remove this"
  ],
  ["a wait too long", peer("delay-open: 1d"), "3:47: 1d is not between 0 and 65535 seconds"],
  ["damping in numbers", peer("damping: 2"), "3:44: expected true or false"],
  [
    "a threshold above the limit",
    peer("max-prefixes: 10, prefix-warning: 101"),
    "3:69: expected the percentage of max-prefixes at which to warn: a whole number from 1 to 100, not 101"
  ],
  [
    "thresholds without a limit",
    peer("prefix-warning: 80, prefix-restart: never"),
    "3:51: prefix-warning needs a limit; add max-prefixes",
    "3:71: prefix-restart needs a limit; add max-prefixes"
  ],
  [
    "a restart in other words",
    peer("max-prefixes: 10, prefix-restart: no"),
    '3:69: "no" is not a time in whole seconds; write it like 90, 90s or 2m; or write never, to wait for the operator'
  ],
  [
    "a range without a group's AS number or its own",
    dynamic("limit: 5"),
    '3:5: "asn" is missing here and in the group; write the AS number that the peers have, or any'
  ],
  [
    "a range with an AS number in other words",
    dynamic("asn: all"),
    '3:36: "all" is not an AS number; write a whole number from 1 to 4294967295, or any'
  ],
  [
    "a range that is none",
    `${ROUTER}dynamic: [{ range: 198.51.100.7, asn: any }]`,
    '2:20: "198.51.100.7" has no length; write 198.51.100.7/32 for the single address'
  ],
  [
    "a link-local range",
    `${ROUTER}dynamic: [{ range: "fe80::/10", asn: any }]`,
    "2:20: fe80::/10 is link-local, which is not supported yet for ranges; list each peer under peers"
  ],
  [
    "a range twice",
    `${ROUTER}dynamic: [{ range: 10.0.0.0/8, asn: any }, { range: 10.0.0.0/8, asn: 1 }]`,
    "2:53: 10.0.0.0/8 is already range number 1; merge the two"
  ],
  [
    "more peers than there may be",
    dynamic("asn: any, limit: 5000"),
    "3:48: expected how many peers at a time: a whole number from 1 to 4096, not 5000"
  ],
  [
    "a range's group that is not there",
    dynamic("asn: any, group: leafs"),
    '3:48: there is no group "leafs"; add it under groups'
  ],
  [
    "settings of a range that belong into its group",
    dynamic("asn: any, passive: true"),
    '3:41: unknown key "passive"; known here: asn, group, limit, range'
  ],
  [
    "any AS number for internal peers",
    `${ROUTER}groups: { leaves: { type: internal } }\ndynamic: [{ range: 10.0.0.0/8, asn: any, group: leaves }]`,
    "3:37: internal peers have our AS number: write 65000 instead of any"
  ],
  [
    "a peer without a password in a range that has one [RFC 2385]",
    `${ROUTER}groups: { closed: { password: "s3cret" } }\ndynamic: [{ range: 10.0.0.0/8, asn: any, group: closed }]\npeers: [{ address: 10.0.0.1, asn: 1 }]`,
    "4:9: 10.0.0.1 lies in the range 10.0.0.0/8, and the kernel asks everybody in it for the range's password; add a password here"
  ],
  [
    "a range without a password in one that has one",
    `${ROUTER}groups: { closed: { password: "s3cret" } }\ndynamic: [{ range: 10.0.0.0/8, asn: any, group: closed }, { range: 10.1.0.0/16, asn: any }]`,
    "3:59: 10.1.0.0/16 lies in the range 10.0.0.0/8, and the kernel asks everybody in it for the range's password; add a password here"
  ],
  [
    "one link-local address with two passwords",
    `${ROUTER}peers:\n  - { address: "fe80::1%eth0", asn: 1, password: one-s3cret }\n  - { address: "fe80::1%eth1", asn: 2, password: two-s3cret }`,
    "4:50: fe80::1%eth1 and fe80::1%eth0 need the same password, or both none: the kernel asks by address, not by link"
  ],
  [
    "a host name with spaces",
    "router: { asn: 65000, id: 192.0.2.1, hostname: the edge }",
    '1:48: "the edge" is not a host name; write it like edge1 or edge1.example.net, at most 64 characters'
  ]
]

describe("a peer with errors", () => {
  it.each(table)("has them named with place and remedy: %s", (_name, text, ...problems) => {
    expect(problemsOf(text)).toEqual(problems.map((problem) => `f.yaml:${problem}`))
  })

  it("has no password in any message", () => {
    const texts = table.map(([, text]) => text).filter((text) => text.includes("s3cret") || text.includes("*secret"))
    expect(texts.length).toBeGreaterThan(3)
    for (const text of texts) expect(problemsOf(text).join("\n")).not.toMatch(/s3cret|\*secret/)
  })
})
