// The catalogue of NOTIFICATIONs: codes, data and words of each, and the operator's communication both ways.
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { notifications, TimerKind } from "../../src/session/index.ts"
import {
  communicationOf,
  decodeNotification,
  describeNotification,
  encodeNotification,
  type Fault
} from "../../src/wire/index.ts"
import {
  ACCEPTED,
  accepted,
  ENABLED,
  established,
  faultOf,
  fired,
  notified,
  opened,
  openOf,
  pick,
  run,
  said
} from "./scene.ts"

const ORIGIN = [0x40, 1, 1, 9]

const CATALOGUE: ReadonlyArray<readonly [fault: Fault, bytes: string, words: string, clause: string]> = [
  [notifications.connectionNotSynchronized(), "1/1", "Message Header Error, Connection Not Synchronized", "4271"],
  [notifications.badMessageLength(18), "1/2 0 18", "Message Header Error, Bad Message Length: length 18", "4271"],
  [notifications.badMessageType(9), "1/3 9", "Message Header Error, Bad Message Type: type 9", "4271"],
  [
    notifications.unsupportedVersion(),
    "2/1 0 4",
    "OPEN Message Error, Unsupported Version Number: version 4 is supported",
    "4271"
  ],
  [notifications.badPeerAs(), "2/2", "OPEN Message Error, Bad Peer AS", "4271"],
  [notifications.badIdentifier(), "2/3", "OPEN Message Error, Bad BGP Identifier", "4271"],
  [notifications.unsupportedParameter(), "2/4", "OPEN Message Error, Unsupported Optional Parameter", "4271"],
  [notifications.unacceptableHoldTime(), "2/6", "OPEN Message Error, Unacceptable Hold Time", "4271"],
  [
    notifications.unsupportedCapability([{ _tag: "Multiprotocol", afi: 2, safi: 1 }]),
    "2/7 1 4 0 2 0 1",
    "OPEN Message Error, Unsupported Capability: 010400020001",
    "5492"
  ],
  [notifications.roleMismatch(), "2/11", "OPEN Message Error, Role Mismatch", "9234"],
  [notifications.malformedAttributeList(), "3/1", "UPDATE Message Error, Malformed Attribute List", "4271"],
  [
    notifications.unrecognizedWellKnown(ORIGIN),
    "3/2 64 1 1 9",
    "UPDATE Message Error, Unrecognized Well-known Attribute: 40010109",
    "4271"
  ],
  [notifications.missingWellKnown(3), "3/3 3", "UPDATE Message Error, Missing Well-known Attribute: 03", "4271"],
  [
    notifications.attributeFlags(ORIGIN),
    "3/4 64 1 1 9",
    "UPDATE Message Error, Attribute Flags Error: 40010109",
    "4271"
  ],
  [
    notifications.attributeLength(ORIGIN),
    "3/5 64 1 1 9",
    "UPDATE Message Error, Attribute Length Error: 40010109",
    "4271"
  ],
  [
    notifications.invalidOrigin(ORIGIN),
    "3/6 64 1 1 9",
    "UPDATE Message Error, Invalid ORIGIN Attribute: 40010109",
    "4271"
  ],
  [
    notifications.invalidNextHop(ORIGIN),
    "3/8 64 1 1 9",
    "UPDATE Message Error, Invalid NEXT_HOP Attribute: 40010109",
    "4271"
  ],
  [
    notifications.optionalAttribute(ORIGIN),
    "3/9 64 1 1 9",
    "UPDATE Message Error, Optional Attribute Error: 40010109",
    "4271"
  ],
  [notifications.invalidNetworkField(), "3/10", "UPDATE Message Error, Invalid Network Field", "4271"],
  [notifications.malformedAsPath(), "3/11", "UPDATE Message Error, Malformed AS_PATH", "4271"],
  [notifications.holdTimerExpired(), "4/0", "Hold Timer Expired", "4271"],
  [notifications.stateMachine(), "5/0", "Finite State Machine Error", "4271"],
  [
    notifications.unexpectedInOpenSent(2),
    "5/1 2",
    "Finite State Machine Error, Unexpected Message in OpenSent: received UPDATE",
    "6608"
  ],
  [
    notifications.unexpectedInOpenConfirm(5),
    "5/2 5",
    "Finite State Machine Error, Unexpected Message in OpenConfirm: received ROUTE-REFRESH",
    "6608"
  ],
  [
    notifications.unexpectedInEstablished(1),
    "5/3 1",
    "Finite State Machine Error, Unexpected Message in Established: received OPEN",
    "6608"
  ],
  [
    notifications.maximumPrefixes(2, 1, 0x01_0203),
    "6/1 0 2 1 0 1 2 3",
    "Cease, Maximum Number of Prefixes Reached: ipv6-unicast, limit 66051",
    "4486"
  ],
  [
    notifications.administrativeShutdown("bye"),
    "6/2 3 98 121 101",
    'Cease, Administrative Shutdown: "bye"',
    "4486, RFC 9003"
  ],
  [notifications.peerDeconfigured(), "6/3", "Cease, Peer De-configured", "4486"],
  [notifications.administrativeReset("ok"), "6/4 2 111 107", 'Cease, Administrative Reset: "ok"', "4486, RFC 9003"],
  [notifications.connectionRejected(), "6/5", "Cease, Connection Rejected", "4486"],
  [notifications.otherConfigurationChange(), "6/6", "Cease, Other Configuration Change", "4486"],
  [notifications.connectionCollision(), "6/7", "Cease, Connection Collision Resolution", "4486"],
  [notifications.outOfResources(), "6/8", "Cease, Out of Resources", "4486"],
  [
    notifications.hardReset(notifications.administrativeShutdown("a")),
    "6/9 6 2 1 97",
    'Cease, Hard Reset: Cease, Administrative Shutdown: "a"',
    "8538"
  ],
  [notifications.bfdDown(), "6/10", "Cease, BFD Down", "9384"],
  [notifications.refreshLength([1, 2]), "7/1 1 2", "ROUTE-REFRESH Message Error, Invalid Message Length: 0102", "7313"],
  [notifications.sendHoldTimerExpired(), "8/0", "Send Hold Timer Expired", "9687"]
]

describe("a NOTIFICATION", () => {
  it.each(CATALOGUE.map(([fault, bytes, words, rfc]) => [bytes, rfc, words, fault] as const))(
    "%s [RFC %s] says: %s",
    (bytes, _, words, fault) => {
      expect([`${fault.code}/${fault.subcode}`, ...fault.data].join(" ")).toBe(bytes)
      expect(describeNotification(fault)).toBe(words)
      const message = encodeNotification(fault)
      expect(decodeNotification(message, 0, message.length)).toEqual(fault)
    }
  )

  it("stands in the catalogue for every entry there is", () => {
    const tested = new Set(CATALOGUE.map(([{ code, subcode }]) => `${code}/${subcode}`))
    expect(tested.size).toBe(CATALOGUE.length)
    expect(tested.size).toBe(Object.keys(notifications).length)
  })
})

describe("a communication [RFC 9003]", () => {
  it("of the operator goes out with a stop and with a reset, as far as 255 octets of UTF-8 reach", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 300 }), (communication) => {
        for (const _tag of ["Disabled", "ResetRequested"] as const) {
          const [, effects] = run([...established(), { _tag, communication }])
          const { fault } = pick(effects, "SendNotification")!
          expect(fault.data.length).toBeLessThanOrEqual(256)
          const heard = communicationOf(fault)!
          expect(communication.toWellFormed().startsWith(heard)).toBe(true)
        }
      }),
      { numRuns: 50 }
    )
  })

  it("of the peer's operator is told to ours, inside a Hard Reset too [RFC 8538 §3.1]", () => {
    const shutdown = notifications.administrativeShutdown("rack 7 moves")
    for (const fault of [shutdown, notifications.hardReset(shutdown)]) {
      const [peer, effects] = run([...established(), notified(fault)])
      expect(peer.lastError).toContain('"rack 7 moves"')
      expect(pick(effects, "SessionDown")!.reason).toContain('"rack 7 moves"')
    }
  })

  it("that is malformed is shown, and answered by nothing", () => {
    const [peer, effects] = run([...established(), notified(faultOf(6, 2, 9, 0xff))])
    expect(peer.lastError).toBe("received Cease, Administrative Shutdown: 09ff")
    expect(said(effects)).toBe("")
  })
})

describe("what a session says", () => {
  it("when a message does not belong: the state and the type of the message [RFC 6608 §3]", () => {
    const update = { _tag: "UpdateReceived", conn: ACCEPTED } as const
    const refresh = { _tag: "RefreshReceived", conn: ACCEPTED, afi: 1, safi: 1, subtype: 0 } as const
    expect(said(run([ENABLED, accepted(), update])[1])).toBe("5/1 2")
    expect(said(run([ENABLED, accepted(), refresh])[1])).toBe("5/1 5")
    expect(said(run([ENABLED, accepted(), { _tag: "KeepaliveReceived", conn: ACCEPTED }])[1])).toBe("5/1 4")
    expect(said(run([ENABLED, accepted(), opened(), update])[1])).toBe("5/2 2")
    expect(said(run([...established(), opened()])[1])).toBe("5/3 1")
  })

  it("when its timers expire: 4/0 and 8/0 [RFC 4271 §6.5, RFC 9687 §4.4]", () => {
    expect(said(run([...established(), fired(TimerKind.Hold, ACCEPTED)])[1])).toBe("4/0")
    expect(said(run([...established(), fired(TimerKind.SendHold, ACCEPTED)])[1])).toBe("8/0")
  })

  it("nothing of time when the hold time is 0: no hold, keepalive or send hold timer runs [RFC 4271 §4.4, RFC 9687 §4.4]", () => {
    const steps = [
      ENABLED,
      accepted(),
      opened(openOf({ holdTimeS: 0 })),
      { _tag: "KeepaliveReceived", conn: ACCEPTED }
    ] as const
    const [peer] = run(steps)
    expect(peer.main.state).toBe("Established")
    expect(peer.main.armed).toBe(0)
    for (const event of [{ _tag: "UpdateReceived", conn: ACCEPTED }, steps[3]] as const) {
      expect(pick(run([event], peer)[1], "ArmTimer")).toBeUndefined()
    }
  })

  it("waits for a peer that does not read twice the hold time, at least eight minutes [RFC 9687 §4.4]", () => {
    const sendHoldMs = (holdTimeS: number): number | undefined => {
      const [, effects] = run(established(openOf({ holdTimeS })), { holdTimeS })
      return effects.flatMap((effect) =>
        effect._tag === "ArmTimer" && effect.timer === TimerKind.SendHold ? [effect.milliseconds] : []
      )[0]
    }
    expect(sendHoldMs(90)).toBe(480_000)
    expect(sendHoldMs(600)).toBe(1_200_000)
  })
})
