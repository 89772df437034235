// What our OPEN says, what two OPENs agree on, and which OPENs are refused with which NOTIFICATION.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { buildOpen, type Negotiated, negotiate, type PeerSettings } from "../../src/session/index.ts"
import { arbitraryPeerSettings, arbitraryPlausibleOpen } from "../../src/testing/peer-events.ts"
import { arbitraryOpen } from "../../src/testing/wire.ts"
import { type Capability, decodeOpen, encodeOpen, isFault, type Open } from "../../src/wire/index.ts"

const settings = (changes: Partial<PeerSettings> = {}): PeerSettings => ({
  localAs: 64500,
  localId: 0x0a000001,
  remoteAs: 64501,
  passive: false,
  holdTimeS: 90,
  connectRetryS: 120,
  idleHoldS: 5,
  delayOpenS: 0,
  dampPeerOscillations: true,
  families: [0, 1],
  addPathReceive: false,
  addPathSend: false,
  extendedMessage: false,
  hostname: "",
  ...changes
})

const IPV4: Capability = { _tag: "Multiprotocol", afi: 1, safi: 1 }
const IPV6: Capability = { _tag: "Multiprotocol", afi: 2, safi: 1 }
const as4 = (asn: number): Capability => ({ _tag: "FourOctetAs", asn })

const open = (changes: Partial<Open> = {}): Open => ({
  version: 4,
  asn: 64501,
  holdTime: 90,
  id: 0x0a000002,
  capabilities: [IPV4, IPV6, as4(64501)],
  ...changes
})

const judge = (remote: Open, ours: PeerSettings = settings()) => negotiate(ours, buildOpen(ours), remote)

const agreed = (remote: Open, ours: PeerSettings = settings()): Negotiated => {
  const result = judge(remote, ours)
  if (isFault(result)) throw new Error(`refused with ${result.code}/${result.subcode}`)
  return result
}

/** `2/6`, with data as in `2/1 0 4`; empty where it is accepted. */
const refusal = (remote: Open, ours: PeerSettings = settings()): string => {
  const result = judge(remote, ours)
  return isFault(result) ? [`${result.code}/${result.subcode}`, ...result.data].join(" ") : ""
}

describe("our OPEN", () => {
  const tags = (ours: PeerSettings) => buildOpen(ours).capabilities.map(({ _tag }) => _tag)

  it("announces what the daemon does and no more", () => {
    expect(tags(settings())).toEqual([
      "Multiprotocol",
      "Multiprotocol",
      "RouteRefresh",
      "GracefulRestart",
      "FourOctetAs",
      "EnhancedRouteRefresh"
    ])
  })

  it("announces extended messages, ADD-PATH and the host name only where they are configured", () => {
    const extra = tags(settings({ extendedMessage: true, addPathReceive: true, hostname: "edge1" }))
    expect(extra).toEqual(expect.arrayContaining(["ExtendedMessage", "AddPath", "Fqdn"]))
  })

  it("promises End-of-RIB and no forwarding over a restart [RFC 4724 §3]", () => {
    expect(buildOpen(settings()).capabilities).toContainEqual({
      _tag: "GracefulRestart",
      restarting: false,
      notification: false,
      timeS: 0,
      families: []
    })
  })

  it("puts AS_TRANS where a number needs four octets [RFC 6793 §9]", () => {
    const ours = buildOpen(settings({ localAs: 4_200_000_000 }))
    expect(ours.asn).toBe(23456)
    expect(ours.capabilities).toContainEqual(as4(4_200_000_000))
  })

  it("has neither four-octet numbers nor marks of a refresh where the settings leave them out [RFC 6793, RFC 7313]", () => {
    const without = settings({ fourOctetAs: false, enhancedRouteRefresh: false })
    const tagsOf = (ours: PeerSettings) => buildOpen(ours).capabilities.map(({ _tag }) => _tag)
    const left = tagsOf(settings()).filter((tag) => !tagsOf(without).includes(tag))
    expect(left).toEqual(["FourOctetAs", "EnhancedRouteRefresh"])
    expect(judge(open(), without)).toMatchObject({ as4: false, enhancedRouteRefresh: false, remoteAs: 64501 })
  })

  it("survives the wire whatever is configured", () => {
    fc.assert(
      fc.property(arbitraryPeerSettings, (ours) => {
        const bytes = encodeOpen(buildOpen(ours))
        expect(decodeOpen(bytes, 0, bytes.length)).toEqual(buildOpen(ours))
      })
    )
  })
})

describe("an OPEN is refused", () => {
  it("for its version, naming ours [RFC 4271 §6.2]", () => {
    expect(refusal(open({ version: 3 }))).toBe("2/1 0 4")
  })

  it("for another AS than the configured one [RFC 4271 §6.2]", () => {
    expect(refusal(open({ asn: 64502, capabilities: [IPV4, as4(64502)] }))).toBe("2/2")
    expect(refusal(open({ asn: 64502, capabilities: [IPV4, as4(64502)] }), settings({ remoteAs: 0 }))).toBe("")
  })

  it("for AS 0, in two octets or in four [RFC 7607]", () => {
    const any = settings({ remoteAs: 0 })
    expect(refusal(open({ asn: 0, capabilities: [IPV4] }), any)).toBe("2/2")
    expect(refusal(open({ asn: 23456, capabilities: [IPV4, as4(0)] }), any)).toBe("2/2")
  })

  it("for AS_TRANS without a number behind it, or two numbers that contradict each other [RFC 6793]", () => {
    const any = settings({ remoteAs: 0 })
    expect(refusal(open({ asn: 23456, capabilities: [IPV4] }), any)).toBe("2/2")
    expect(refusal(open({ asn: 64501, capabilities: [IPV4, as4(64502)] }), any)).toBe("2/2")
  })

  it("for identifier 0, and for ours within our AS [RFC 6286 §2.2]", () => {
    expect(refusal(open({ id: 0 }))).toBe("2/3")
    const internal = settings({ remoteAs: 64500 })
    const twin = open({ id: internal.localId, asn: 64500, capabilities: [IPV4, as4(64500)] })
    expect(refusal(twin, internal)).toBe("2/3")
    expect(refusal(open({ id: internal.localId }))).toBe("")
  })

  it("for a hold time of one or two seconds [RFC 4271 §4.2]", () => {
    expect([0, 1, 2, 3].map((holdTime) => refusal(open({ holdTime })))).toEqual(["", "2/6", "2/6", ""])
  })

  it("when no family is spoken by both, naming ours [RFC 5492 §5]", () => {
    expect(refusal(open({ capabilities: [IPV6] }), settings({ families: [0] }))).toBe("2/7 1 4 0 1 0 1")
  })
})

describe("two OPENs agree on", () => {
  it("the shorter hold time, and keepalives three times as often [RFC 4271 §4.4]", () => {
    expect(agreed(open({ holdTime: 30 }))).toMatchObject({ holdTimeS: 30, keepaliveS: 10 })
    expect(agreed(open({ holdTime: 180 }))).toMatchObject({ holdTimeS: 90, keepaliveS: 30 })
  })

  it("neither hold timer nor keepalives when either side says 0 [RFC 4271 §4.2]", () => {
    expect(agreed(open({ holdTime: 0 }))).toMatchObject({ holdTimeS: 0, keepaliveS: 0 })
    expect(agreed(open(), settings({ holdTimeS: 0 }))).toMatchObject({ holdTimeS: 0, keepaliveS: 0 })
  })

  it("the families that both announce, and IPv4 unicast where none is announced [RFC 4760 §8]", () => {
    expect(agreed(open()).families).toEqual([0, 1])
    expect(agreed(open({ capabilities: [IPV6] })).families).toEqual([1])
    expect(agreed(open({ capabilities: [] })).families).toEqual([0])
  })

  it("whether the peer is external, by its four-octet AS", () => {
    expect(agreed(open({ asn: 23456, capabilities: [IPV4, as4(70000)] }), settings({ remoteAs: 70000 }))).toMatchObject(
      {
        remoteAs: 70000,
        external: true,
        as4: true
      }
    )
    const inside = open({ asn: 64500, capabilities: [IPV4] })
    expect(agreed(inside, settings({ remoteAs: 64500 }))).toMatchObject({ external: false, as4: false })
  })

  it("path identifiers in the direction that one sends and the other receives [RFC 7911 §4]", () => {
    const sends: Capability = { _tag: "AddPath", families: [{ afi: 1, safi: 1, mode: 2 }] }
    const remote = open({ capabilities: [IPV4, IPV6, sends] })
    expect(agreed(remote, settings({ addPathReceive: true, addPathSend: true }))).toMatchObject({
      addPathReceive: [true, false],
      addPathSend: [false, false]
    })
    expect(agreed(remote)).toMatchObject({ addPathReceive: [false, false], addPathSend: [false, false] })
  })

  it("graceful restart only where we help, and the peer keeps something", () => {
    const restarts: Capability = {
      _tag: "GracefulRestart",
      restarting: false,
      notification: true,
      timeS: 120,
      families: [{ afi: 1, safi: 1, forwarding: true }]
    }
    const remote = open({ capabilities: [IPV4, restarts] })
    expect(agreed(remote).gracefulRestart).toBeUndefined()
    expect(agreed(remote, settings({ gracefulRestartHelper: true })).gracefulRestart).toEqual({
      timeS: 120,
      restarting: false,
      families: [0],
      forwarding: [0],
      notification: true
    })
  })

  it("the same things from both sides, whatever is configured", () => {
    fc.assert(
      fc.property(arbitraryPeerSettings, arbitraryPeerSettings, (one, other) => {
        const here = judge(buildOpen(other), { ...one, remoteAs: 0 })
        const there = judge(buildOpen(one), { ...other, remoteAs: 0 })
        if (isFault(here) || isFault(there)) return
        expect(here.holdTimeS).toBe(there.holdTimeS)
        expect(here.external).toBe(there.external)
        expect([...here.families].sort()).toEqual([...there.families].sort())
        expect(here.addPathReceive).toEqual(there.addPathSend)
        expect(here.addPathSend).toEqual(there.addPathReceive)
        expect([here.extendedMessage, here.as4]).toEqual([there.extendedMessage, there.as4])
      })
    )
  })
})

describe("negotiation", () => {
  it("is total, and never agrees on more than we announced", () => {
    fc.assert(
      fc.property(arbitraryPeerSettings, fc.oneof(arbitraryOpen, arbitraryPlausibleOpen), (ours, remote) => {
        const result = judge(remote, ours)
        if (isFault(result)) expect(result.code).toBe(2)
        else {
          expect(result.families.every((family) => ours.families.includes(family))).toBe(true)
          expect(result.extendedMessage && !ours.extendedMessage).toBe(false)
          expect(result.addPathSend.some(Boolean) && !ours.addPathSend).toBe(false)
        }
      })
    )
  })
})
