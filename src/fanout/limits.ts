// How much a peer may announce, hold or make us do. Everything in a gob stream is announced by the sender: lengths, counts, types,
// nesting. Go's own decoder believes most of it; ours refuses above these caps before anything is allocated, and the work and the
// memory that one value can cause are linear in what was really received.

export interface GobLimits {
  /** Length of one message. */
  readonly messageBytes: number
  /** Bytes received and not yet decoded. A value may span several messages, all of which wait for the last. */
  readonly bufferedBytes: number
  /** Definitions of types in one stream, and the bytes of all of them together. */
  readonly definitions: number
  readonly definitionBytes: number
  readonly fieldsPerStruct: number
  /** Values inside values. Go's own limit is 10,000; nothing that exists comes near a hundred. */
  readonly nesting: number
  /** Fields and elements that one top-level value may become: one byte on the wire can be a structure of twenty fields. */
  readonly valueCount: number
  /** A value whose next message is missing is read again once that came; so many bytes may be read again per value. */
  readonly reparsedBytes: number
}

const MIB = 1024 * 1024

/** What a follower grants its hub: snapshots are large. */
export const CLIENT_LIMITS: GobLimits = {
  messageBytes: 64 * MIB,
  bufferedBytes: 80 * MIB,
  definitions: 1000,
  definitionBytes: MIB,
  fieldsPerStruct: 1000,
  nesting: 1000,
  valueCount: 4 * MIB,
  reparsedBytes: 256 * MIB
}

/** What a hub grants a follower, who has a hello and pongs to say. */
export const SERVER_LIMITS: GobLimits = {
  messageBytes: MIB,
  bufferedBytes: 2 * MIB,
  definitions: 200,
  definitionBytes: 64 * 1024,
  fieldsPerStruct: 200,
  nesting: 32,
  valueCount: 64 * 1024,
  reparsedBytes: 4 * MIB
}

/** The longest name of a registered type, and of a field. */
export const NAME_BYTES_MAX = 1024

/** Types inside types, each with a definition of its own. A plan for a type is made of plans for its parts. */
export const TYPE_NESTING_MAX = 250
