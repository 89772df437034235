// A configuration that changes under a session: what each option of a peer does to it, one by one; and that a peer which is told in another
// way from now on ends up with just what one would have that met the new configuration first.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { PeerConfig, RouterConfig } from "../../src/router/index.ts"
import {
  decodeNlri,
  encodeEndOfRib,
  encodeRouteRefresh,
  formatPrefix,
  keepalive,
  scanUpdate,
  toHex,
  UpdateView
} from "../../src/wire/index.ts"
import { configOf, Driver, LOCAL_AS, openOf, peerConfig } from "./driver.ts"
import { advertised, announcement, establishWith, peerRow, rowsOf } from "./far-side.ts"

const A = "10.0.0.2"
const B = "10.0.0.3"
const C = "10.0.0.4"

const reconfigure = (driver: Driver, config: RouterConfig): void =>
  driver.command({ command: "configure", config, seed: 1 })

/** Every option that a peer has, once changed; in the order of its interface. */
type Changes = Array<[option: string, change: Partial<PeerConfig>, from?: Partial<PeerConfig>]>

const WITHOUT_A_NEW_SESSION: Changes = [
  ["port", { port: 1790 }],
  ["name", { name: "other" }],
  ["passive", { passive: false }],
  ["connect-retry", { connectRetry: 7 }],
  ["idle-hold", { idleHold: 9 }],
  ["delay-open", { delayOpen: 2 }],
  ["open-wait", { openWait: 9 }],
  ["damping", { damping: false }],
  ["max-prefixes", { maxPrefixes: 5, prefixWarningPercent: 80, prefixRestart: 10 }],
  ["policy: open", { policyOpen: true }, { policyOpen: false }],
  ["no policy", { policyOpen: false }],
  ["as-override", { asOverride: true }],
  ["allow-own-as", { allowOwnAs: 1 }],
  ["enforce-first-as", { enforceFirstAs: true }],
  ["disable-family", { disableFamily: true }],
  ["weight", { weight: 5 }],
  ["type, among those outside", { type: "route-server-client" }],
  ["role-strict, where there is no role", { roleStrict: true }],
  [
    "helping with graceful restart",
    { gracefulRestart: { helper: false, restartTime: 0, longLivedTime: 0 } },
    { gracefulRestart: { helper: true, restartTime: 0, longLivedTime: 0 } }
  ]
]

const WITH_A_NEW_SESSION: Changes = [
  ["asn", { asn: 65003 }],
  ["local-address", { localAddress: "10.0.0.9" }],
  ["enabled", { enabled: false }],
  ["families", { families: ["ipv4-unicast", "ipv6-unicast"] }],
  ["hold-time", { holdTime: 30 }],
  ["add-path", { addPath: { receive: true, send: 0 } }],
  ["extended-message", { extendedMessage: true }],
  ["password", { password: "secret" }],
  ["ttl-security", { ttlSecurity: true }],
  ["multihop", { multihop: 3 }],
  ["graceful-restart", { gracefulRestart: { helper: true, restartTime: 120, longLivedTime: 0 } }],
  ["role", { role: "customer" }],
  ["role-strict, where the peer has not said its role", { role: "customer", roleStrict: true }, { role: "customer" }],
  ["local-as", { localAs: 64999 }],
  ["extended-next-hop", { extendedNextHop: true }],
  ["interface", { interface: "eth1" }]
]

const changed = (change: Partial<PeerConfig>, from: Partial<PeerConfig> = {}): Driver => {
  const driver = new Driver(configOf([peerConfig(A, 65002, from)]))
  establishWith(driver, A, 65002)
  reconfigure(driver, configOf([peerConfig(A, 65002, { ...from, ...change })]))
  return driver
}

describe("a session under a configuration that changes", () => {
  it.each(WITHOUT_A_NEW_SESSION)("lives on with another %s", (_, change, from = {}) => {
    const driver = changed(change, from)
    expect(peerRow(driver, A)).toMatchObject({ state: "Established", lastNotification: null })
  })

  it.each(WITH_A_NEW_SESSION)("needs another one with another %s", (_, change, from = {}) => {
    const driver = changed(change, from)
    expect(peerRow(driver, A)["state"]).not.toBe("Established")
  })

  it("of a range follows its range [RFC 4271 §8.1.1]", () => {
    const range = (rest: Partial<PeerConfig>): RouterConfig =>
      configOf([], { dynamic: [{ range: "10.0.0.0/16", limit: 5, peer: peerConfig("", 65002, rest) }] })
    const driver = new Driver(range({}))
    const conn = establishWith(driver, A, 65002)
    reconfigure(driver, range({ maxPrefixes: 1 }))
    expect(peerRow(driver, A)).toMatchObject({ state: "Established" })
    driver.hear(conn, announcement([65002], ["20.0.0.0/8", "21.0.0.0/8"]))
    expect(peerRow(driver, A)).toEqual({})
    establishWith(driver, B, 65002)
    reconfigure(driver, range({ maxPrefixes: 1, holdTime: 30 }))
    expect(peerRow(driver, B)).toEqual({})
  })

  it("takes from then on what the new configuration takes [RFC 4271 §6.3]", () => {
    const config = (enforceFirstAs: boolean): RouterConfig => configOf([peerConfig(A, 65002, { enforceFirstAs })])
    const driver = new Driver(config(false))
    const conn = establishWith(driver, A, 65002)
    const say = (net: number): void => driver.hear(conn, announcement([65009, 65002], [`${net}.0.0.0/8`]))
    say(20)
    reconfigure(driver, config(true))
    say(21)
    reconfigure(driver, config(false))
    say(22)
    driver.settle()
    expect(rowsOf(driver, { peer: A }).map(({ prefix }) => prefix)).toEqual(["20.0.0.0/8", "22.0.0.0/8"])
    expect(peerRow(driver, A)).toMatchObject({ state: "Established", findings: { treatedAsWithdraw: 1 } })
  })

  it("with a role that the peer has said is kept when that becomes a demand [RFC 9234 §4.2]", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002, { role: "provider" })]))
    establishWith(driver, A, 65002, [{ _tag: "Role", role: 3 }])
    reconfigure(driver, configOf([peerConfig(A, 65002, { role: "provider", roleStrict: true })]))
    expect(peerRow(driver, A)).toMatchObject({ state: "Established" })
  })

  it("that is not up is dialled once it is not passive any more", () => {
    const driver = new Driver(configOf([peerConfig(A, 65002)]))
    reconfigure(driver, configOf([peerConfig(A, 65002, { passive: false })]))
    driver.pass(10_000)
    expect(driver.state.connections.size).toBeGreaterThan(0)
  })

  it("has its routes believed, and told, as soon as there is a policy, and no longer than that [RFC 8212 §2]", () => {
    const config = (policyOpen: boolean): RouterConfig =>
      configOf([peerConfig(A, 65002, { policyOpen }), peerConfig(B, 65003)])
    const driver = new Driver(config(false))
    const a = establishWith(driver, A, 65002)
    const b = establishWith(driver, B, 65003)
    driver.hear(a, announcement([65002], ["20.0.0.0/8"]))
    driver.hear(b, announcement([65003], ["30.0.0.0/8"]))
    driver.settle()
    const seen = (): unknown =>
      [advertised(driver, B), advertised(driver, A)].map((rows) => rows.map(({ prefix }) => prefix))
    expect(seen()).toEqual([[], []])
    reconfigure(driver, config(true))
    driver.settle()
    expect(seen()).toEqual([["20.0.0.0/8"], ["30.0.0.0/8"]])
    reconfigure(driver, config(false))
    driver.settle()
    expect(seen()).toEqual([[], []])
    expect(rowsOf(driver, { peer: A })).toMatchObject([{ prefix: "20.0.0.0/8", best: false }])
  })
})

const OPEN_OF_B = openOf({ asn: 65003 })
const KEEPALIVE = keepalive()
const REFRESH = encodeRouteRefresh({ afi: 1, safi: 1, subtype: 0 })

/** What a peer holds, by what it was told: prefix to the attributes, as bytes. */
class Receiver {
  readonly held = new Map<string, string>()
  private readonly view = new UpdateView()

  hear(messages: ReadonlyArray<Uint8Array>): void {
    for (const message of messages.filter((one) => one[18] === 2)) {
      const { view, held } = this
      scanUpdate(view, message, 0, message.length, {
        as4: true,
        addPath: [false, false],
        external: true,
        extended: false
      })
      const each = (from: number, to: number, use: (key: string) => void): void => {
        for (const nlri of decodeNlri(message, from, to, 4, false)) use(formatPrefix(nlri))
      }
      const attributes = toHex(message.subarray(view.withdrawnEnd, view.nlriAt))
      each(view.withdrawnAt, view.withdrawnEnd, (key) => held.delete(key))
      each(view.nlriAt, view.nlriEnd, (key) => held.set(key, attributes))
    }
  }
}

const VARIANTS: ReadonlyArray<Partial<PeerConfig>> = [
  {},
  { policyOpen: false },
  { asOverride: true },
  { type: "route-server-client" }
]

type Move =
  | { readonly move: "announce" | "withdraw"; readonly net: number; readonly asn: number }
  | { readonly move: "configure"; readonly variant: number }
  | { readonly move: "quantum" | "settle" | "refresh" | "drain" }

const move: fc.Arbitrary<Move> = fc.oneof(
  {
    arbitrary: fc.record({
      move: fc.constantFrom("announce" as const, "announce" as const, "withdraw" as const),
      net: fc.nat(5),
      // 65003 is the receiver's own: overridden, or told as it is.
      asn: fc.constantFrom(65003, 65010, 65011)
    }),
    weight: 4
  },
  {
    arbitrary: fc.record({ move: fc.constant("configure" as const), variant: fc.nat(VARIANTS.length - 1) }),
    weight: 2
  },
  fc.record({ move: fc.constantFrom("quantum" as const, "settle" as const, "refresh" as const, "drain" as const) })
)

const withdrawal = (net: number): Uint8Array =>
  Uint8Array.from([...Array<number>(16).fill(255), 0, 25, 2, 0, 2, 8, 20 + net, 0, 0])

describe("a peer that is told in another way from now on", () => {
  const world = (variant: number): RouterConfig =>
    configOf([peerConfig(A, 65002), peerConfig(B, 65003, VARIANTS[variant]), peerConfig(C, 65004)])

  it("holds in the end what it would hold had it met the last configuration first", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 40 }), (moves) => {
        const driver = new Driver(world(0))
        const a = establishWith(driver, A, 65002)
        const receiver = new Receiver()
        const b = driver.accept(B)
        driver.hear(b, OPEN_OF_B, KEEPALIVE)
        let variant = 0
        const told = new Map<number, number>()
        for (const one of moves) {
          if (one.move === "announce") {
            told.set(one.net, one.asn)
            driver.hear(a, announcement([65002, one.asn], [`${20 + one.net}.0.0.0/8`]))
          } else if (one.move === "withdraw") {
            told.delete(one.net)
            driver.hear(a, withdrawal(one.net))
          } else if (one.move === "configure") {
            variant = one.variant
            reconfigure(driver, world(variant))
          } else if (one.move === "quantum") driver.quantum()
          else if (one.move === "refresh") driver.hear(b, REFRESH)
          else if (one.move === "drain") driver.drain()
          else driver.settle()
          receiver.hear(driver.messages(b))
        }
        driver.settle()
        receiver.hear(driver.messages(b))
        expect(peerRow(driver, B)).toMatchObject({ state: "Established", prefixes: { advertised: receiver.held.size } })
        const fresh = new Driver(world(variant))
        const source = establishWith(fresh, A, 65002)
        for (const [net, asn] of told) fresh.hear(source, announcement([65002, asn], [`${20 + net}.0.0.0/8`]))
        fresh.settle()
        const other = new Receiver()
        const late = fresh.accept(B)
        fresh.hear(late, OPEN_OF_B, KEEPALIVE, encodeEndOfRib(0))
        fresh.settle()
        other.hear(fresh.messages(late))
        expect(new Map([...receiver.held].sort())).toEqual(new Map([...other.held].sort()))
      }),
      { numRuns: 300 }
    )
  })
})

describe("routes of a peer that restarts gracefully", () => {
  const HELPED = { gracefulRestart: { helper: true, restartTime: 0, longLivedTime: 0 } }
  const graceful = (forwarding: boolean) =>
    ({
      _tag: "GracefulRestart",
      restarting: forwarding,
      notification: false,
      timeS: 60,
      families: [{ afi: 1, safi: 1, forwarding }]
    }) as const

  /** It has announced one route, and is away. */
  const away = () => {
    const driver = new Driver(configOf([peerConfig(A, 65002, HELPED), peerConfig(B, 65003)]))
    const a = establishWith(driver, A, 65002, [graceful(false)])
    establishWith(driver, B, 65003)
    driver.hear(a, announcement([65002], ["10.1.0.0/16"]))
    driver.closeFrom(a)
    driver.settle()
    expect(advertised(driver, B).length).toBe(1)
    return driver
  }

  it("are judged by a configuration that changes while it is away", () => {
    const driver = away()
    reconfigure(driver, configOf([peerConfig(A, 65002, { ...HELPED, policyOpen: false }), peerConfig(B, 65003)]))
    driver.settle()
    expect(rowsOf(driver, { peer: A }).map(({ reason }) => reason)).toEqual(["policy"])
    expect(advertised(driver, B)).toEqual([])
  })

  it("are told again as what they are where it comes back with another identifier", () => {
    const driver = new Driver(
      configOf([
        peerConfig(A, LOCAL_AS, { ...HELPED, type: "route-reflector-client" }),
        peerConfig(B, LOCAL_AS, { type: "route-reflector-client" })
      ])
    )
    const a = establishWith(driver, A, LOCAL_AS, [graceful(true)], undefined, "10.0.0.66")
    const b = establishWith(driver, B, LOCAL_AS, [], undefined, "10.0.0.67")
    driver.hear(a, announcement([], ["10.1.0.0/16"], { localPref: 100 }))
    driver.hear(b, announcement([], ["10.1.0.0/16"], { localPref: 100 }))
    driver.settle()
    const best = () => rowsOf(driver, { prefix: "10.1.0.0/16" }).find((row) => row["best"] === true)?.["peer"]
    expect(best()).toBe(A)
    driver.closeFrom(a)
    driver.pass(2000)
    establishWith(driver, A, LOCAL_AS, [graceful(true)], undefined, "10.0.0.68")
    expect(best()).toBe(B)
  })
})
