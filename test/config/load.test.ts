// What a good configuration becomes: groups merged, defaults filled in, texts in canonical form.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import fc from "fast-check"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { DEFAULT_SOCKET as CLIENT_SOCKET } from "../../src/cli/socket.ts"
import { configJsonSchema, DEFAULT_SOCKET, decodeConfig, loadConfig, parseConfig } from "../../src/config/index.ts"

const load = (text: string) => Effect.runSync(parseConfig(text, "f.yaml"))
const ROUTER = "router: { asn: 65000, id: 192.0.2.1 }\n"

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "backwalk-config-"))
})
afterAll(() => rmSync(directory, { recursive: true }))

describe("defaults", () => {
  it("needs nothing but the router's identity", () => {
    expect(load(ROUTER)).toEqual({
      path: "f.yaml",
      router: {
        router: { asn: 65000, id: "192.0.2.1" },
        listen: ["0.0.0.0:179", "[::]:179"],
        peers: [],
        static: [],
        originate: []
      },
      daemon: { api: { socket: DEFAULT_SOCKET, http: "" }, log: undefined },
      warnings: []
    })
  })

  it("fills in every setting of a peer", () => {
    const { router } = load(`${ROUTER}peers: [{ address: 192.0.2.7, asn: 64500, policy: open }]`)
    expect(router.peers).toEqual([
      {
        address: "192.0.2.7",
        port: 179,
        asn: 64500,
        type: "external",
        name: "192.0.2.7",
        localAddress: "",
        passive: false,
        enabled: true,
        families: ["ipv4-unicast"],
        holdTime: 90,
        connectRetry: 120,
        idleHold: 5,
        addPath: { receive: false, send: 0 },
        extendedMessage: false,
        password: "",
        ttlSecurity: false,
        multihop: 0,
        policyOpen: true,
        maxPrefixes: 0
      }
    ])
  })

  it("takes a peer with our own AS number for internal", () => {
    expect(load(`${ROUTER}peers: [{ address: 192.0.2.7, asn: 65000 }]`).router.peers[0]!.type).toBe("internal")
  })

  it("gives a session over IPv6 the family for which it has a next hop", () => {
    expect(load(`${ROUTER}peers: [{ address: "2001:db8::7", asn: 1 }]`).router.peers[0]!.families).toEqual([
      "ipv6-unicast"
    ])
  })

  it("warns of an external peer without a policy, which passes nothing [RFC 8212 §2]", () => {
    expect(load(`${ROUTER}peers: [{ address: 192.0.2.7, asn: 1 }]`).warnings).toEqual([
      expect.stringContaining("peer 192.0.2.7 is external and has no policy")
    ])
  })

  it("fills in the kernel's settings when the section is there, however empty", () => {
    expect(load(`${ROUTER}kernel: {}`).router.kernel).toEqual({ table: 254, metric: 20, onExit: "keep", model: false })
  })

  it("looks for the daemon where the daemon listens", () => {
    expect(process.env["BACKWALK_SOCKET"] || DEFAULT_SOCKET).toBe(CLIENT_SOCKET)
  })
})

describe("groups", () => {
  const text = `${ROUTER}groups:
  members: { asn: 64501, type: route-server-client, passive: true, hold-time: 30s, policy: open }
peers:
  - { address: 192.0.2.1, group: members }
  - { address: 192.0.2.2, group: members, passive: false, asn: 64502 }
  - { address: 192.0.2.3, group: members, hold-time: ~, passive: ~ }
`
  const peers = () => load(text).router.peers

  it("give their peers what these do not say themselves", () => {
    expect(peers()[0]).toMatchObject({ asn: 64501, type: "route-server-client", passive: true, holdTime: 30 })
  })

  it("yield to what a peer says", () => {
    expect(peers()[1]).toMatchObject({ asn: 64502, passive: false, holdTime: 30 })
  })

  it("are taken back by an empty value: the default holds", () => {
    expect(peers()[2]).toMatchObject({ asn: 64501, passive: false, holdTime: 90 })
  })
})

describe("texts", () => {
  it("become canonical: addresses, prefixes, endpoints, communities", () => {
    const { router } = load(`${ROUTER}listen: ["[2001:DB8:0:0::1]:0179"]
peers: [{ address: "FE80:0::1%eth0", asn: 65000 }]
static: [{ prefix: "2001:0db8::/32", via: ["2001:db8:0::1"], distance: 5 }]
originate: [{ prefix: 198.51.100.0/24, communities: ["065:01", no-export] }]
`)
    expect(router.listen).toEqual(["[2001:db8::1]:179"])
    expect(router.peers[0]!.address).toBe("fe80::1%eth0")
    expect(router.static).toEqual([{ prefix: "2001:db8::/32", via: ["2001:db8::1"], distance: 5 }])
    expect(router.originate).toEqual([{ prefix: "198.51.100.0/24", communities: ["65:1", "65535:65281"] }])
  })

  it.each([
    ["main", 254],
    ["default", 253],
    ["local", 255],
    ["100", 100],
    ["4294967295", 0xffff_ffff]
  ])("reads the table %s as %d", (name, number) => {
    expect(load(`${ROUTER}kernel: { table: ${name} }`).router.kernel?.table).toBe(number)
  })

  it.each([
    ["4GiB", 4 * 2 ** 30],
    ["1.5 MiB", 1.5 * 2 ** 20],
    ["100MB", 1e8],
    ["2000000", 2e6]
  ])("reads the size %s as %d bytes", (size, bytes) => {
    expect(load(`${ROUTER}log: { directory: /tmp, keep: ${size} }`).daemon.log?.keepBytes).toBe(bytes)
  })

  it.each([
    ["90", 90],
    ["90s", 90],
    ["2m", 120],
    ["1h", 3600],
    ["0", 0]
  ])("reads the time %s as %d seconds", (time, seconds) => {
    expect(
      load(`${ROUTER}peers: [{ address: 192.0.2.7, asn: 65000, hold-time: ${time} }]`).router.peers[0]!.holdTime
    ).toBe(seconds)
  })
})

describe("sources", () => {
  it("reads a module with the same shape", async () => {
    const path = join(directory, "router.mjs")
    writeFileSync(
      path,
      `const asn = 65000\nexport default { router: { asn, id: "192.0.2.1" }, kernel: { model: true } }\n`
    )
    const { router } = await Effect.runPromise(loadConfig(path))
    expect(router).toEqual(load(`${ROUTER}kernel: { model: true }`).router)
  })

  it("names the path into a module, which has no lines", async () => {
    const path = join(directory, "bad.mjs")
    writeFileSync(
      path,
      `export default { router: { asn: 65000, id: "192.0.2.1" }, peers: [{ address: "x", asn: 1 }] }\n`
    )
    const error = await Effect.runPromise(Effect.flip(loadConfig(path)))
    expect(error.message).toMatch(/bad\.mjs:1:1: peers\[0\]\.address: "x" is not an IPv4 or IPv6 address/)
  })

  it("says what a module lacks", async () => {
    const path = join(directory, "empty.mjs")
    writeFileSync(path, "export const config = {}\n")
    const error = await Effect.runPromise(Effect.flip(loadConfig(path)))
    expect(error.message).toContain("export default defineConfig")
  })

  it("says that a file is missing", async () => {
    const error = await Effect.runPromise(Effect.flip(loadConfig(join(directory, "nowhere.yaml"))))
    expect(error.message).toMatch(/nowhere\.yaml:1:1: cannot be read: no such file/)
  })

  it("does not follow an alias into itself, nor multiply without bound", () => {
    const bombs = Array.from({ length: 20 }, (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at},`.repeat(10)}]`).join("\n")
    const messageOf = (text: string) => Effect.runSync(Effect.flip(parseConfig(text, "f.yaml"))).message
    expect(messageOf("router: &r { id: *r }")).toContain("f.yaml:1:18: expected a router id")
    expect(messageOf(`a0: &a0 [1]\n${bombs}`)).toBe(
      "f.yaml:1:1: Excessive alias count indicates a resource exhaustion attack"
    )
  })

  it("never throws, whatever the text", () => {
    const words = fc.constantFrom(
      "router:",
      "peers:",
      "- ",
      "  ",
      "\n",
      "asn: 1",
      "{",
      "}",
      "[",
      "]",
      "&a ",
      "*a",
      "? ",
      "~",
      "address: ::1",
      "groups:",
      "!!",
      "|",
      '"'
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words).map((parts) => parts.join(""))
        ),
        (text) => {
          const exit = Effect.runSyncExit(parseConfig(text, "f.yaml"))
          expect(exit._tag === "Success" || !exit.cause.reasons.some((reason) => reason._tag === "Die")).toBe(true)
        }
      )
    )
  })

  it("never throws, whatever the data", () => {
    const keys = fc.constantFrom(
      "router",
      "asn",
      "id",
      "listen",
      "api",
      "log",
      "kernel",
      "groups",
      "peers",
      "static",
      "originate",
      "via",
      "prefix",
      "address",
      "group",
      "families",
      "dynamic",
      "range",
      "password",
      "graceful-restart",
      "restart-time",
      "role",
      "interface",
      "local-as",
      "prefix-restart"
    )
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { depthSize: "small" },
        fc.constantFrom<unknown>("10.0.0.0/8", "::1", "192.0.2.1", "toString", null, true, 65000, -1, Number.NaN),
        fc.array(tie("tree")),
        fc.dictionary(keys, tie("tree"))
      )
    }))
    fc.assert(
      fc.property(tree, (value) => {
        const exit = Effect.runSyncExit(decodeConfig(value, "f.ts"))
        expect(exit._tag === "Success" || !exit.cause.reasons.some((reason) => reason._tag === "Die")).toBe(true)
      })
    )
  })
})

describe("the JSON Schema", () => {
  it("knows the sections and refuses others, as the daemon does", () => {
    const schema = configJsonSchema() as { readonly properties: object; readonly additionalProperties: unknown }
    expect(Object.keys(schema.properties)).toEqual(
      expect.arrayContaining(["router", "peers", "groups", "kernel", "static"])
    )
    expect(schema.additionalProperties).toBe(false)
  })
})
