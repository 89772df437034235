// Arbitraries for what the fan-out's machines are told: few keys, few connections and short times, so that events meet each other.
import fc from "fast-check"
import {
  bytesOf,
  type CacheEvent,
  type CacheInput,
  encodeMessage,
  type FollowEvent,
  MessageDecoder,
  preambleOf,
  type ReceivedMessage,
  routeKey,
  type ServeEvent,
  SyncStatus,
  type Update,
  UpdateType
} from "../fanout/index.ts"
import { arbitrarySmallMessage } from "./fanout.ts"

const CONN = fc.integer({ min: 1, max: 4 })
const NOON = 1_000_000
/** Times may go back here: a machine must not mind. */
const at = fc.integer({ min: NOON, max: NOON + 400_000_000 })

/** What a hub says, decoded: read back from the bytes that a server would send. */
const arbitraryReceived: fc.Arbitrary<ReceivedMessage> = fc.oneof(
  arbitrarySmallMessage,
  fc.constant<ReceivedMessage>({ _tag: "SyncStatus", status: SyncStatus.InSync }),
  fc.constant<ReceivedMessage>({ _tag: "NoMessage", name: "int" }),
  fc.array(fc.tuple(fc.nat(4), fc.option(fc.nat(2), { nil: null })), { maxLength: 4 }).map((changes) =>
    receivedOf(
      changes.map(([key, value]) => ({
        key: key === 4 ? "/calico/v1/Ready" : routeKey("main", "ipv4-unicast", `10.0.0.${key}/32`),
        value: value === null ? null : bytesOf(String(value)),
        revision: "1",
        v3ResourceVersion: "",
        ttlNanoseconds: 0,
        updateType: value === null ? UpdateType.Deleted : UpdateType.New
      }))
    )
  )
)

/** Updates as a follower has them: views of received bytes. */
const receivedOf = (updates: ReadonlyArray<Update>): ReceivedMessage => {
  const decoder = new MessageDecoder()
  decoder.push(join(preambleOf("server"), encodeMessage({ _tag: "Updates", updates })))
  const next = decoder.next()
  return next._tag === "Message" ? next.message : { _tag: "NoMessage", name: "" }
}

export const arbitraryFollowEvent: fc.Arbitrary<FollowEvent> = fc.oneof(
  fc.record({ _tag: fc.constant("Started" as const), at }),
  fc.record({ _tag: fc.constant("Stopped" as const), at }),
  fc.record({ _tag: fc.constant("Connected" as const), at, conn: CONN }),
  fc.record({ _tag: fc.constant("Closed" as const), at, conn: CONN, reason: fc.constant("cut off") }),
  fc.record({ _tag: fc.constant("Tick" as const), at }),
  {
    arbitrary: fc.record({ _tag: fc.constant("Received" as const), at, conn: CONN, message: arbitraryReceived }),
    weight: 4
  }
)

const STATUSES = [SyncStatus.WaitForDatastore, SyncStatus.ResyncInProgress, SyncStatus.InSync] as const

/** A few keys that come, change and go. */
export const arbitraryCacheInput: fc.Arbitrary<CacheInput> = fc.oneof(
  fc.constantFrom(...STATUSES).map((status): CacheInput => ({ _tag: "Status", status })),
  fc
    .array(fc.tuple(fc.nat(9), fc.option(fc.nat(2), { nil: null }), fc.integer({ min: 0, max: 2 })), { maxLength: 7 })
    .map(
      (changes): CacheInput => ({
        _tag: "Updates",
        updates: changes.map(([key, value, updateType]) => ({
          key: routeKey("main", "ipv4-unicast", `10.0.0.${key}/32`),
          value: value === null ? null : bytesOf(String(value)),
          revision: "1",
          v3ResourceVersion: "",
          ttlNanoseconds: 0,
          updateType: value === null ? UpdateType.Deleted : (updateType as UpdateType)
        }))
      })
    )
)

export const arbitraryCacheEvent: fc.Arbitrary<CacheEvent> = fc.record({
  _tag: fc.constant("Offered" as const),
  at,
  inputs: fc.array(arbitraryCacheInput, { maxLength: 3 })
})

const CLIENT = fc.integer({ min: 1, max: 3 })

/** What clients say, often what they should. */
const arbitrarySaid: fc.Arbitrary<ReceivedMessage> = fc.oneof(
  arbitrarySmallMessage,
  fc.constant<ReceivedMessage>({ _tag: "Acknowledgement" }),
  fc.boolean().map(
    (isModern): ReceivedMessage => ({
      _tag: "ClientHello",
      hostname: "node",
      info: "",
      version: "",
      syncerType: "",
      supportsDecoderRestart: isModern,
      supportedCompressionAlgorithms: ["snappy"],
      supportsModernPolicyKeys: true,
      clientConnId: 0
    })
  )
)

export const arbitraryServeEvent: fc.Arbitrary<ServeEvent> = fc.oneof(
  fc.record({ _tag: fc.constant("Accepted" as const), at, conn: CLIENT, address: fc.constant("192.0.2.1:1") }),
  {
    arbitrary: fc.record({ _tag: fc.constant("Received" as const), at, conn: CLIENT, message: arbitrarySaid }),
    weight: 3
  },
  { arbitrary: fc.record({ _tag: fc.constant("Written" as const), at, conn: CLIENT }), weight: 3 },
  fc.record({ _tag: fc.constant("Faulted" as const), at, conn: CLIENT, reason: fc.constant("no gob") }),
  fc.record({ _tag: fc.constant("Closed" as const), at, conn: CLIENT }),
  { arbitrary: arbitraryCacheEvent, weight: 2 },
  fc.record({ _tag: fc.constant("Tick" as const), at }),
  fc.record({ _tag: fc.constant("Limited" as const), at, connections: fc.nat(3) }),
  fc.record({ _tag: fc.constant("Drain" as const), at })
)

const join = (first: Uint8Array, second: Uint8Array): Uint8Array => {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}
