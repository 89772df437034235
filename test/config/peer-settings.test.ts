// What each setting of a peer and of a range becomes. What nobody names is absent: the router's own default holds.
import * as Effect from "effect/Effect"
import { describe, expect, it } from "vitest"
import { configJsonSchema, parseConfig } from "../../src/config/index.ts"
import { PASSWORD_BYTES_MAX } from "../../src/config/values.ts"
import type { PeerConfig } from "../../src/router/index.ts"
import { PASSWORD_BYTES_MAX as KEY_BYTES_MAX } from "../../src/runtime/tcp-options.ts"

const load = (text: string) => Effect.runSync(parseConfig(text, "f.yaml"))
const ROUTER = "router: { asn: 65000, id: 192.0.2.1 }\n"

const peer = (settings: string, more = ""): PeerConfig =>
  load(`${ROUTER}${more}peers: [{ address: 192.0.2.7, asn: 64500, ${settings} }]`).router.peers[0]!

describe("a peer's settings", () => {
  it.each([
    ["password: s3cret", { password: "s3cret" }],
    ["ttl-security: true", { ttlSecurity: true }],
    ["multihop: 4, ttl-security: true", { multihop: 4, ttlSecurity: true }],
    ["interface: eth0.100", { interface: "eth0.100" }],
    ["local-as: 64999", { localAs: 64999 }],
    ["as-override: true", { asOverride: true }],
    ["allow-own-as: 2", { allowOwnAs: 2 }],
    ["role: customer, role-strict: true", { role: "customer", roleStrict: true }],
    ["type: route-server-client, role: rs", { role: "rs" }],
    ["extended-next-hop: true", { extendedNextHop: true }],
    ["four-octet-as: false, enhanced-refresh: false", { fourOctetAs: false, enhancedRefresh: false }],
    ["extended-message: true", { extendedMessage: true }],
    ["next-hop: 2001:DB8::1", { nextHop: "2001:db8::1" }],
    ["delay-open: 5s", { delayOpen: 5 }],
    ["damping: false", { damping: false }],
    ["max-prefixes: 10, prefix-warning: 80", { maxPrefixes: 10, prefixWarningPercent: 80 }],
    ["max-prefixes: 10, prefix-restart: 5m", { prefixRestart: 300 }],
    ["max-prefixes: 10, prefix-restart: never", { prefixRestart: 0 }],
    ["graceful-restart: true", { gracefulRestart: { helper: true, restartTime: 0, longLivedTime: 0 } }],
    [
      "graceful-restart: { helper: false, restart-time: 2m, long-lived-time: 1d }",
      { gracefulRestart: { helper: false, restartTime: 120, longLivedTime: 86400 } }
    ]
  ])("are taken as written: %s", (text, expected) => {
    expect(peer(text)).toMatchObject(expected)
  })

  it.each([
    "damping: true",
    "as-override: false",
    "role-strict: false",
    "extended-next-hop: false",
    "four-octet-as: true",
    "enhanced-refresh: true",
    "allow-own-as: 0",
    "delay-open: 0",
    "graceful-restart: false"
  ])("are absent where they say what holds anyway: %s", (text) => {
    expect(peer(text)).toEqual(peer("name: 192.0.2.7"))
  })

  it("come from the group, whole, and are taken back with ~", () => {
    const { peers } = load(`${ROUTER}groups:
  careful: { password: s3cret, role: peer, graceful-restart: { restart-time: 60 }, max-prefixes: 10, prefix-restart: 60 }
peers:
  - { address: 192.0.2.1, asn: 64500, group: careful }
  - { address: 192.0.2.2, asn: 64500, group: careful, password: ~, role: ~, graceful-restart: true, prefix-restart: ~ }
`).router
    expect(peers[0]).toMatchObject({
      password: "s3cret",
      role: "peer",
      gracefulRestart: { helper: true, restartTime: 60, longLivedTime: 0 },
      prefixRestart: 60
    })
    expect(peers[1]).toMatchObject({ password: "", gracefulRestart: { helper: true, restartTime: 0 } })
    expect(peers[1]).not.toHaveProperty("role")
    expect(peers[1]).not.toHaveProperty("prefixRestart")
  })

  it("ask peers to wait for us where the kernel forwards meanwhile [RFC 4724 §4.1]", () => {
    const restartTime = (kernel: string) => peer("graceful-restart: true", kernel).gracefulRestart?.restartTime
    expect(restartTime("kernel: {}\n")).toBe(120)
    expect(restartTime("kernel: { on-exit: remove }\n")).toBe(0)
    expect(restartTime("")).toBe(0)
  })

  it("warn where peers would keep routes that the kernel is told to drop", () => {
    const { warnings } = load(`${ROUTER}kernel: { on-exit: remove }
peers: [{ address: 192.0.2.7, asn: 64500, policy: open, graceful-restart: { restart-time: 60 } }]`)
    expect(warnings).toEqual([expect.stringContaining("traffic is lost meanwhile")])
  })

  it("hold a link-local peer with its interface", () => {
    const { peers } = load(
      `${ROUTER}peers: [{ address: "FE80:0::7%eth0", asn: 64500, local-address: "fe80::1%eth0", interface: eth0 }]`
    ).router
    expect(peers[0]).toMatchObject({ address: "fe80::7%eth0", localAddress: "fe80::1%eth0", interface: "eth0" })
  })

  it("take a password as long as the kernel does, and no longer", () => {
    expect(PASSWORD_BYTES_MAX).toBe(KEY_BYTES_MAX)
    expect(peer(`password: "${"x".repeat(KEY_BYTES_MAX)}"`).password).toHaveLength(KEY_BYTES_MAX)
  })
})

describe("a range of peers", () => {
  const ranges = (text: string, groups = "") => load(`${ROUTER}${groups}dynamic: [${text}]`).router.dynamic

  it("makes passive peers like its group says, of any AS number", () => {
    const groups = "groups: { leaves: { type: route-server-client, policy: open, hold-time: 30, password: s3cret } }\n"
    expect(ranges("{ range: 198.51.100.0/24, group: leaves, asn: any, limit: 7 }", groups)).toEqual([
      {
        range: "198.51.100.0/24",
        limit: 7,
        peer: expect.objectContaining({
          address: "198.51.100.0/24",
          asn: 0,
          type: "route-server-client",
          passive: true,
          policyOpen: true,
          holdTime: 30,
          password: "s3cret",
          families: ["ipv4-unicast"]
        })
      }
    ])
  })

  it("is internal where its AS number is ours, and IPv6 where its addresses are", () => {
    expect(ranges('{ range: "2001:DB8::/64", asn: 65000 }')).toEqual([
      {
        range: "2001:db8::/64",
        limit: 100,
        peer: expect.objectContaining({ asn: 65000, type: "internal", families: ["ipv6-unicast"] })
      }
    ])
  })

  it("has the AS number of its group, or its own", () => {
    const groups = "groups: { leaves: { asn: 64500 } }\n"
    const asn = (text: string) => ranges(text, groups)?.map(({ peer }) => peer.asn)
    expect(asn("{ range: 10.0.0.0/8, group: leaves }, { range: 11.0.0.0/8, group: leaves, asn: any }")).toEqual([
      64500, 0
    ])
  })

  it("lets nobody in while its group is not enabled", () => {
    const groups = "groups: { later: { enabled: false } }\n"
    expect(ranges("{ range: 10.0.0.0/8, group: later, asn: any }", groups)).toEqual([])
  })

  it("is warned of without a policy [RFC 8212 §2]", () => {
    expect(load(`${ROUTER}dynamic: [{ range: 10.0.0.0/8, asn: any }]`).warnings).toEqual([
      expect.stringContaining("range 10.0.0.0/8 is external and has no policy")
    ])
  })
})

describe("the router", () => {
  it("has a name where the file gives one", () => {
    expect(load("router: { asn: 65000, id: 192.0.2.1, hostname: edge1.example.net }").router.hostname).toBe(
      "edge1.example.net"
    )
    expect(load(ROUTER).router).not.toHaveProperty("hostname")
  })
})

describe("the JSON Schema", () => {
  it("describes every setting, and shows no password", () => {
    const schema = configJsonSchema() as {
      readonly properties: { readonly peers: { readonly items: { readonly properties: Record<string, object> } } }
    }
    const { properties } = schema.properties.peers.items
    for (const name of ["password", "graceful-restart", "role", "interface", "prefix-restart"]) {
      expect(JSON.stringify(properties[name])).toContain("description")
    }
    expect(JSON.stringify(properties["password"])).not.toMatch(/default|example|const/)
  })
})
