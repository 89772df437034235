// fanout: what a hub tells its followers, on the wire of Typha's protocol. The gob codec in both directions, with caps on everything that a
// peer announces; the messages of every generation; an update encoded once for all clients, and received ones that stay bytes until used.
// What a peer sends is data or a fault, never an exception. docs/rfc/gob.md says what is supported.

export { encodeChanges, readChanges } from "./changes.ts"
export { describeGobFault, type GobFault, GobReason } from "./fault.ts"
export { createFollow, followMachine, tableAgeMs } from "./follow.ts"
export {
  FOLLOW_DEFAULTS,
  type FollowChange,
  type FollowCounters,
  type FollowEffect,
  type FollowEvent,
  type FollowSettings,
  FollowState,
  followEffects
} from "./follow-state.ts"
export {
  decodeGoTime,
  encodeGoTime,
  type GoTime,
  goTimeOfUnixNanos,
  isZeroTime,
  unixNanosOf,
  ZERO_TIME
} from "./go-time.ts"
export { GobDecoder, type GobDecoderOptions, type GobNext } from "./gob-decoder.ts"
export { GobEncoder, type GobEncoderOptions } from "./gob-encoder.ts"
export {
  ANY,
  array,
  BASIC_TYPES,
  BOOL,
  BYTES,
  COMPLEX64,
  COMPLEX128,
  type Complex,
  FLOAT32,
  FLOAT64,
  field,
  type GobField,
  type GobInterface,
  type GobRecord,
  type GobRegistry,
  type GobType,
  type GobValue,
  INT,
  INT8,
  INT16,
  INT32,
  INTERFACE,
  map,
  type OpaqueEncoding,
  type OpaqueType,
  opaque,
  pointer,
  registryOf,
  STRING,
  type StructType,
  slice,
  struct,
  TIME,
  UINT,
  UINT8,
  UINT16,
  UINT32
} from "./gob-type.ts"
export { bytesOf } from "./kept-bytes.ts"
export { CLIENT_LIMITS, type GobLimits, SERVER_LIMITS } from "./limits.ts"
export {
  type Acknowledgement,
  type ClientHello,
  type DecoderRestart,
  GENERATIONS,
  type Generation,
  MESSAGE_PREFIX,
  type MessageTypes,
  messageTypesOf,
  type NoMessage,
  type Ping,
  type Pong,
  type ReceivedMessage,
  type SentMessage,
  type ServerHello,
  type SmallMessage,
  type StatusMessage,
  SyncStatus,
  syncStatusName,
  UpdateType
} from "./message.ts"
export { MessageDecoder, type MessageNext } from "./message-decoder.ts"
export { encodeMessage, encodeUpdate, joinUpdates, preambleOf, type Role } from "./message-encoder.ts"
export {
  decodeRouteValue,
  encodeRouteValue,
  hubKey,
  KEY_PREFIX,
  peerKey,
  type ReadKey,
  type RouteKey,
  type RouteNextHop,
  type RouteValue,
  readKey,
  routeKey
} from "./route-key.ts"
export { createServe, serveMachine } from "./serve.ts"
export { type ConnectionLimitOptions, connectionLimit } from "./serve-care.ts"
export {
  type Client,
  DROP_REASONS,
  DropReason,
  Framing,
  Metric,
  SERVE_DEFAULTS,
  type ServeCounters,
  type ServeEffect,
  type ServeEvent,
  type ServeSettings,
  ServeState,
  serveEffects
} from "./serve-state.ts"
export { SNAPPY_CHUNK_BYTES, type SnappyBlocks, SnappyReader, writeSnappy } from "./snappy-frames.ts"
export {
  CACHE_DEFAULTS,
  type CacheEvent,
  type CacheInput,
  type CacheSettings,
  type Crumb,
  createSnapshotCache,
  discardBefore,
  joinCrumbs,
  type Snapshot,
  SnapshotCache,
  snapshotCache,
  takeSnapshot
} from "./snapshot-cache.ts"
export {
  createStorePublish,
  reduceStorePublish,
  type StorePublish,
  type StorePublishEffect,
  type StorePublishEvent
} from "./store-publish.ts"
export { barrierKey, fenceKey, STORE_PREFIX, type StoreNews, StoreView, storeKey } from "./store-view.ts"
export {
  createStoreWatch,
  reduceStoreWatch,
  type StoreWatch,
  type StoreWatchEffect,
  type StoreWatchEvent
} from "./store-watch.ts"
export { decodeText, textBytes, writeText } from "./text.ts"
export { TypeIds } from "./type-ids.ts"
export { revisionText, type Update, UpdateBatch } from "./updates.ts"
export type { WireField, WireType } from "./wire-type.ts"
