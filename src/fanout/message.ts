// The messages of Typha's protocol: what they say, the names they were registered under, and which release added which field. Both sides
// only ever add fields, and gob skips what the other does not know, so we speak the newest generation to everyone; an old peer fails only on
// messages it never heard of, and those go to nobody whose hello did not ask for them.

import type { GoTime } from "./go-time.ts"
import {
  BOOL,
  BYTES,
  type GobField,
  type GobRegistry,
  type GobType,
  INT,
  INTERFACE,
  registryOf,
  STRING,
  slice,
  struct,
  TIME,
  UINT,
  UINT8
} from "./gob-type.ts"
import type { Update, UpdateBatch } from "./updates.ts"

/** By where the original's package once was; it has moved since, the names have not. */
export const MESSAGE_PREFIX = "github.com/projectcalico/typha/pkg/syncproto."

export const SyncStatus = { WaitForDatastore: 0, ResyncInProgress: 1, InSync: 2 } as const
export type SyncStatus = (typeof SyncStatus)[keyof typeof SyncStatus]

/** In the original's words, which its logs and users know. */
export const syncStatusName = (status: number): string => ["wait-for-ready", "resync", "in-sync"][status] ?? "unknown"

export const UpdateType = { Unknown: 0, New: 1, Updated: 2, Deleted: 3 } as const
export type UpdateType = (typeof UpdateType)[keyof typeof UpdateType]

export interface ClientHello {
  readonly _tag: "ClientHello"
  readonly hostname: string
  readonly info: string
  readonly version: string
  /** Empty means "felix": there was nothing else before v3.3. */
  readonly syncerType: string
  readonly supportsDecoderRestart: boolean
  readonly supportedCompressionAlgorithms: ReadonlyArray<string>
  readonly supportsModernPolicyKeys: boolean
  readonly clientConnId: number | bigint
}

export interface ServerHello {
  readonly _tag: "ServerHello"
  readonly version: string
  readonly syncerType: string
  readonly supportsNodeResourceUpdates: boolean
  readonly serverConnId: number | bigint
}

export interface StatusMessage {
  readonly _tag: "SyncStatus"
  readonly status: number
}

export interface Ping {
  readonly _tag: "Ping"
  readonly timestamp: GoTime
}

export interface Pong {
  readonly _tag: "Pong"
  readonly pingTimestamp: GoTime
  /** The original never sets it. */
  readonly pongTimestamp: GoTime
}

/** The sender's next message begins a new gob stream, compressed as it says; the receiver acknowledges first. */
export interface DecoderRestart {
  readonly _tag: "DecoderRestart"
  readonly message: string
  readonly compressionAlgorithm: string
}

export interface Acknowledgement {
  readonly _tag: "Acknowledgement"
}

/** What is no message: nothing at all (an empty name), or a basic type. A server ends the connection over it, a client passes it over. */
export interface NoMessage {
  readonly _tag: "NoMessage"
  readonly name: string
}

export type SmallMessage = ClientHello | ServerHello | StatusMessage | Ping | Pong | DecoderRestart | Acknowledgement
export type ReceivedMessage = SmallMessage | NoMessage | { readonly _tag: "Updates"; readonly updates: UpdateBatch }
export type SentMessage = SmallMessage | { readonly _tag: "Updates"; readonly updates: ReadonlyArray<Update> }

/** Releases in which a message gained something. */
export const GENERATIONS = ["v3.2.5", "v3.3", "v3.9", "v3.17", "v3.25", "v3.32"] as const
export type Generation = (typeof GENERATIONS)[number]

export interface MessageTypes {
  readonly envelope: GobType
  /** By registered name. */
  readonly named: ReadonlyMap<string, GobType>
  readonly registry: GobRegistry
}

/** The types of one generation; `updates` stands in for the list of updates where that is read in a way of its own. */
export const messageTypesOf = (
  generation: Generation,
  updates: (list: GobType) => GobType = (list) => list
): MessageTypes => {
  const known = new Set<string>(GENERATIONS.slice(0, GENERATIONS.indexOf(generation) + 1))
  const fieldsOf = (fields: Fields): ReadonlyArray<GobField> =>
    fields.filter(([, , since]) => known.has(since)).map(([name, type]) => ({ name, type }))
  const list = slice(struct("SerializedUpdate", fieldsOf(UPDATE_FIELDS)), "[]syncproto.SerializedUpdate")
  const named = new Map(
    MESSAGES.filter(({ since }) => known.has(since)).map(({ name, fields }) => [
      MESSAGE_PREFIX + name,
      struct(name, fieldsOf(fields))
    ])
  )
  named.set(`${MESSAGE_PREFIX}MsgKVs`, struct("MsgKVs", [{ name: "KVs", type: updates(list) }]))
  return { envelope: struct("Envelope", [{ name: "Message", type: INTERFACE }]), named, registry: registryOf(named) }
}

type Fields = ReadonlyArray<readonly [name: string, type: GobType, since: Generation]>

/** In wire order: a generation's fields in the order of its Go declaration. */
const UPDATE_FIELDS: Fields = [
  ["Key", STRING, "v3.2.5"],
  ["Value", BYTES, "v3.2.5"],
  ["Revision", INTERFACE, "v3.2.5"],
  ["V3ResourceVersion", STRING, "v3.17"],
  ["TTL", INT, "v3.2.5"],
  ["UpdateType", UINT8, "v3.2.5"]
]

const MESSAGES: ReadonlyArray<{ readonly name: string; readonly since: Generation; readonly fields: Fields }> = [
  {
    name: "MsgClientHello",
    since: "v3.2.5",
    fields: [
      ["Hostname", STRING, "v3.2.5"],
      ["Info", STRING, "v3.2.5"],
      ["Version", STRING, "v3.2.5"],
      ["SyncerType", STRING, "v3.3"],
      ["SupportsDecoderRestart", BOOL, "v3.25"],
      ["SupportedCompressionAlgorithms", slice(STRING, "[]syncproto.CompressionAlgorithm"), "v3.25"],
      ["SupportsModernPolicyKeys", BOOL, "v3.32"],
      ["ClientConnID", UINT, "v3.25"]
    ]
  },
  {
    name: "MsgServerHello",
    since: "v3.2.5",
    fields: [
      ["Version", STRING, "v3.2.5"],
      ["SyncerType", STRING, "v3.3"],
      ["SupportsNodeResourceUpdates", BOOL, "v3.9"],
      ["ServerConnID", UINT, "v3.25"]
    ]
  },
  { name: "MsgSyncStatus", since: "v3.2.5", fields: [["SyncStatus", UINT8, "v3.2.5"]] },
  { name: "MsgPing", since: "v3.2.5", fields: [["Timestamp", TIME, "v3.2.5"]] },
  {
    name: "MsgPong",
    since: "v3.2.5",
    fields: [
      ["PingTimestamp", TIME, "v3.2.5"],
      ["PongTimestamp", TIME, "v3.2.5"]
    ]
  },
  {
    name: "MsgDecoderRestart",
    since: "v3.25",
    fields: [
      ["Message", STRING, "v3.25"],
      ["CompressionAlgorithm", STRING, "v3.25"]
    ]
  },
  { name: "MsgACK", since: "v3.25", fields: [] }
]
