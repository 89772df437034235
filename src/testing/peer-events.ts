// Arbitraries for the alphabets of a session: settings, OPENs, faults, and the events of the peer machine and of the connection machine
// beneath it. Connections are few, so that events meet those that exist as well as those that are gone.
import fc from "fast-check"
import { ACCEPTED } from "../eventlog/index.ts"
import {
  buildOpen,
  CONNECTION_EVENTS,
  type ConnectionEvent,
  type Negotiated,
  negotiate,
  type PeerEvent,
  type PeerRole,
  type PeerSettings,
  TimerKind
} from "../session/index.ts"
import { type Capability, isFault, type Open } from "../wire/index.ts"
import { arbitraryFault } from "./wire.ts"

/** What `createPeer` and `createConnection` are given here as the first number of dials. */
export const FIRST_CONN = 0x1_0000

const conn = fc.oneof(
  fc.integer({ min: FIRST_CONN + 1, max: FIRST_CONN + 4 }),
  fc.integer({ min: ACCEPTED, max: ACCEPTED + 2 })
)
const bytes = fc.uint8Array({ maxLength: 12 })
const octet = fc.nat(255)
const holdTime = fc.constantFrom(0, 3, 9, 90, 65535)
const asn = fc.constantFrom(64500, 64501, 4_200_000_000)
const family = { afi: fc.constantFrom(1, 2, 25), safi: fc.constantFrom(1, 2) }

const capability: fc.Arbitrary<Capability> = fc.oneof(
  fc.record({ _tag: fc.constant("Multiprotocol" as const), ...family }),
  fc.constantFrom<Capability>({ _tag: "RouteRefresh" }, { _tag: "ExtendedMessage" }, { _tag: "EnhancedRouteRefresh" }),
  fc.record({ _tag: fc.constant("Role" as const), role: fc.nat(5) }),
  fc.record({
    _tag: fc.constant("GracefulRestart" as const),
    restarting: fc.boolean(),
    notification: fc.boolean(),
    timeS: fc.nat(4095),
    families: fc.array(fc.record({ ...family, forwarding: fc.boolean() }), { maxLength: 2 })
  }),
  fc.record({ _tag: fc.constant("FourOctetAs" as const), asn }),
  fc.record({
    _tag: fc.constant("AddPath" as const),
    families: fc.array(fc.record({ ...family, mode: fc.integer({ min: 1, max: 3 }) }), { maxLength: 2 })
  }),
  fc.record({
    _tag: fc.constant("LongLivedGracefulRestart" as const),
    families: fc.array(fc.record({ ...family, forwarding: fc.boolean(), timeS: fc.nat(0xff_ffff) }), { maxLength: 2 })
  }),
  fc.record({
    _tag: fc.constant("Fqdn" as const),
    host: fc.string({ maxLength: 20 }),
    domain: fc.string({ maxLength: 20 })
  }),
  fc.record({ _tag: fc.constant("SoftwareVersion" as const), version: fc.string({ maxLength: 20 }) }),
  fc.record({
    _tag: fc.constant("ExtendedNextHop" as const),
    families: fc.array(fc.record({ ...family, nextHopAfi: fc.constantFrom(1, 2) }), { maxLength: 2 })
  }),
  fc.record({ _tag: fc.constant("Unknown" as const), code: fc.integer({ min: 128, max: 255 }), value: bytes })
)

/** An OPEN that a session might agree with, more often than one of any content would. */
export const arbitraryPlausibleOpen: fc.Arbitrary<Open> = fc.record({
  version: fc.constant(4),
  asn: fc.constantFrom(64500, 64501, 23456),
  holdTime,
  id: fc.integer({ min: 1, max: 0xffff_ffff }),
  capabilities: fc.array(capability, { maxLength: 5 })
})

const role = fc.constantFrom<PeerRole>("provider", "rs", "rs-client", "customer", "peer")

/** What every peer has, and any choice of what it may have besides. */
export const arbitraryPeerSettings: fc.Arbitrary<PeerSettings> = fc
  .tuple(
    fc.record({
      localAs: fc.constantFrom(64500, 4_200_000_000),
      localId: fc.integer({ min: 1, max: 0xffff_ffff }),
      remoteAs: fc.constantFrom(0, 64500, 64501),
      passive: fc.boolean(),
      holdTimeS: holdTime,
      connectRetryS: fc.constantFrom(1, 120),
      idleHoldS: fc.constantFrom(0, 5),
      delayOpenS: fc.constantFrom(0, 0, 3),
      dampPeerOscillations: fc.boolean(),
      families: fc.constantFrom([0], [1], [0, 1]),
      addPathReceive: fc.boolean(),
      addPathSend: fc.boolean(),
      extendedMessage: fc.boolean(),
      hostname: fc.constantFrom("", "router"),
      allowAutomaticStart: fc.boolean(),
      allowAutomaticStop: fc.boolean(),
      sendNotificationWithoutOpen: fc.boolean(),
      collisionDetectEstablished: fc.boolean(),
      gracefulRestartHelper: fc.boolean()
    }),
    fc.record(
      {
        gracefulRestart: fc.record({
          helper: fc.boolean(),
          restartTimeS: fc.constantFrom(0, 120, 4095),
          forwardingPreserved: fc.boolean(),
          restarting: fc.boolean()
        }),
        longLivedTimeS: fc.constantFrom(0, 3600, 0xff_ffff),
        fourOctetAs: fc.boolean(),
        enhancedRouteRefresh: fc.boolean(),
        extendedNextHop: fc.boolean(),
        softwareVersion: fc.constantFrom("", "backwalk"),
        prefixRestartS: fc.constantFrom(0, 900),
        dynamic: fc.constantFrom(false, false, true)
      },
      { requiredKeys: [] }
    ),
    fc.oneof({ arbitrary: fc.constant({}), weight: 3 }, fc.record({ role, roleStrict: fc.boolean() }))
  )
  .map(([always, sometimes, roles]) => ({ ...always, ...sometimes, ...roles }))

export const arbitraryPeerEvent: fc.Arbitrary<PeerEvent> = fc.oneof(
  { arbitrary: fc.constant<PeerEvent>({ _tag: "Enabled" }), weight: 3 },
  { arbitrary: fc.record({ _tag: fc.constantFrom("Accepted" as const, "Dialled" as const), conn }), weight: 4 },
  {
    arbitrary: fc.record({ _tag: fc.constant("OpenReceived" as const), conn, open: arbitraryPlausibleOpen }),
    weight: 4
  },
  {
    arbitrary: fc.record({ _tag: fc.constantFrom("KeepaliveReceived" as const, "UpdateReceived" as const), conn }),
    weight: 4
  },
  fc.record({ _tag: fc.constant("Disabled" as const), communication: fc.string({ maxLength: 20 }) }),
  fc.constantFrom<PeerEvent>(
    { _tag: "ResetRequested" },
    { _tag: "ResetRequested", graceful: true, communication: "soon back" },
    { _tag: "BfdDown" },
    { _tag: "Removed" }
  ),
  fc.record({
    _tag: fc.constantFrom("DialFailed" as const, "Closed" as const),
    conn,
    cause: fc.constant("ECONNREFUSED")
  }),
  {
    arbitrary: fc.record({
      _tag: fc.constant("TimerFired" as const),
      conn: fc.oneof(fc.constant(0), conn),
      timer: fc.constantFrom(...Object.values(TimerKind))
    }),
    weight: 3
  },
  fc.record({ _tag: fc.constant("NotificationReceived" as const), conn, fault: arbitraryFault }),
  fc.record({ _tag: fc.constant("Malformed" as const), conn, fault: arbitraryFault, messageType: fc.nat(6) }),
  fc.record({ _tag: fc.constant("RefreshReceived" as const), conn, ...family, subtype: octet }),
  fc.record({ _tag: fc.constant("PrefixLimitExceeded" as const), conn, family: fc.nat(1), limit: fc.nat() })
)

/** What comes of an OPEN: settings and OPENs until a pair agrees. */
export const arbitraryNegotiated: fc.Arbitrary<Negotiated> = fc
  .tuple(arbitraryPeerSettings, arbitraryPlausibleOpen)
  .map(([settings, open]) => negotiate({ ...settings, remoteAs: 0 }, buildOpen(settings), open))
  .filter((result): result is Negotiated => !isFault(result))

/** All 29 events, each with what its case needs. */
export const arbitraryConnectionEvent: fc.Arbitrary<ConnectionEvent> = fc
  .record({
    _tag: fc.constantFrom(...CONNECTION_EVENTS.map(({ tag }) => tag)),
    conn,
    fault: arbitraryFault,
    cause: fc.constant("ECONNRESET"),
    negotiated: arbitraryNegotiated,
    lost: fc.boolean(),
    messageType: fc.constantFrom(2, 5)
  })
  .map((event) => event as ConnectionEvent)
