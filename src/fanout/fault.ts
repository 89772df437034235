// What a peer's bytes can be guilty of. A fault is data: it ends the stream it was found in and nothing else, and it says where in that
// stream and what. The reasons are few, because whoever answers only closes the connection and counts; the detail is for people.

export const GobReason = {
  /** The stream ended inside a message, or between a definition and its value. */
  Truncated: "Truncated",
  /** A length that reaches beyond what holds it, or beyond a cap. */
  BadLength: "BadLength",
  /** A type identifier that nobody defined, or a definition that cannot be. */
  BadType: "BadType",
  /** Bytes that follow no rule of the encoding. */
  Corrupt: "Corrupt",
  /** A number that does not fit the field it is for. */
  OutOfRange: "OutOfRange",
  /** What was sent and what we expect have different types. */
  Mismatch: "Mismatch",
  /** The name of an interface's concrete type is not one we know. */
  Unregistered: "Unregistered",
  /** More types, values, levels or rework than a cap allows. */
  TooMuch: "TooMuch"
} as const

export type GobReason = (typeof GobReason)[keyof typeof GobReason]

export interface GobFault {
  readonly _tag: "GobFault"
  readonly reason: GobReason
  readonly detail: string
  /** Bytes from the start of the stream. */
  readonly offset: number
}

export const describeGobFault = (fault: GobFault): string => `${fault.detail} (at byte ${fault.offset})`
