// The NOTIFICATIONs that end a session, as values: every code and subcode of RFC 4271 §4.5 and of the documents that refined it (4486, 5492,
// 6608, 7313, 8538, 9003, 9234, 9384, 9687), each with the data that it must carry. What a decoder finds wrong comes with its own.
import {
  type Capability,
  CeaseSubcode,
  ErrorCode,
  encodeCapabilities,
  type Fault,
  HeaderSubcode,
  OpenSubcode,
  shutdownCommunication
} from "../wire/index.ts"

export const fault = (code: number, subcode: number, data: Iterable<number> = []): Fault => ({
  code,
  subcode,
  data: Uint8Array.from(data)
})

export const cease = (subcode: number, data: Iterable<number> = []): Fault => fault(ErrorCode.Cease, subcode, data)

/** A Cease with words for the operator at the other end (RFC 9003). */
export const ceaseSaying = (subcode: number, communication: string): Fault =>
  cease(subcode, shutdownCommunication(communication))

/** RFC 4486 §4: family and limit, so that the other end knows which one it exceeded. */
export const prefixLimit = (afi: number, safi: number, limit: number): Fault =>
  cease(CeaseSubcode.MaximumPrefixes, [...u16(afi), safi, ...u16(limit >>> 16), ...u16(limit & 0xffff)])

/** RFC 8538 §3.1: a Cease that ends the session and its routes, wrapped for a peer that would otherwise keep them. */
export const hardReset = (inner: Fault): Fault =>
  cease(CeaseSubcode.HardReset, [inner.code, inner.subcode, ...inner.data])

/** RFC 6608: a message that does not belong in the state; the data names its type. */
export const unexpected = (stateSubcode: number, messageType: number): Fault =>
  fault(ErrorCode.StateMachine, stateSubcode, [messageType])

const u16 = (word: number): ReadonlyArray<number> => [word >> 8, word & 255]

const openFault = (subcode: number, data: Iterable<number> = []): Fault => fault(ErrorCode.Open, subcode, data)

/** `attribute`: the one at fault, with flags, type and length (RFC 4271 §6.3). */
const updateFault =
  (subcode: number) =>
  (attribute: Iterable<number>): Fault =>
    fault(ErrorCode.Update, subcode, attribute)

/** The catalogue, by code and in the order of the subcodes. */
export const notifications = {
  connectionNotSynchronized: (): Fault => fault(ErrorCode.Header, HeaderSubcode.NotSynchronized),
  badMessageLength: (lengthBytes: number): Fault => fault(ErrorCode.Header, HeaderSubcode.BadLength, u16(lengthBytes)),
  badMessageType: (type: number): Fault => fault(ErrorCode.Header, HeaderSubcode.BadType, [type]),

  unsupportedVersion: (): Fault => openFault(OpenSubcode.Version, u16(VERSION_MAX)),
  badPeerAs: (): Fault => openFault(OpenSubcode.BadPeerAs),
  badIdentifier: (): Fault => openFault(OpenSubcode.BadIdentifier),
  unsupportedParameter: (): Fault => openFault(OpenSubcode.OptionalParameter),
  unacceptableHoldTime: (): Fault => openFault(OpenSubcode.HoldTime),
  /** RFC 5492 §5: the capabilities that we cannot do without, as they would stand in an OPEN. */
  unsupportedCapability: (missing: ReadonlyArray<Capability>): Fault =>
    openFault(OpenSubcode.Capability, encodeCapabilities(missing)),
  roleMismatch: (): Fault => openFault(OpenSubcode.Role),

  malformedAttributeList: (): Fault => fault(ErrorCode.Update, 1),
  unrecognizedWellKnown: updateFault(2),
  missingWellKnown: (type: number): Fault => fault(ErrorCode.Update, 3, [type]),
  attributeFlags: updateFault(4),
  attributeLength: updateFault(5),
  invalidOrigin: updateFault(6),
  invalidNextHop: updateFault(8),
  optionalAttribute: updateFault(9),
  invalidNetworkField: (): Fault => fault(ErrorCode.Update, 10),
  malformedAsPath: (): Fault => fault(ErrorCode.Update, 11),

  holdTimerExpired: (): Fault => fault(ErrorCode.HoldTimer, 0),

  stateMachine: (): Fault => fault(ErrorCode.StateMachine, 0),
  unexpectedInOpenSent: (type: number): Fault => unexpected(1, type),
  unexpectedInOpenConfirm: (type: number): Fault => unexpected(2, type),
  unexpectedInEstablished: (type: number): Fault => unexpected(3, type),

  maximumPrefixes: prefixLimit,
  administrativeShutdown: (communication: string): Fault =>
    ceaseSaying(CeaseSubcode.AdministrativeShutdown, communication),
  peerDeconfigured: (): Fault => cease(CeaseSubcode.PeerDeconfigured),
  administrativeReset: (communication: string): Fault => ceaseSaying(CeaseSubcode.AdministrativeReset, communication),
  connectionRejected: (): Fault => cease(CeaseSubcode.ConnectionRejected),
  otherConfigurationChange: (): Fault => cease(CeaseSubcode.OtherConfigurationChange),
  connectionCollision: (): Fault => cease(CeaseSubcode.ConnectionCollision),
  outOfResources: (): Fault => cease(CeaseSubcode.OutOfResources),
  hardReset,
  bfdDown: (): Fault => cease(CeaseSubcode.BfdDown),

  /** RFC 7313 §5: the whole message. */
  refreshLength: (message: Iterable<number>): Fault => fault(ErrorCode.RouteRefresh, 1, message),

  sendHoldTimerExpired: (): Fault => fault(ErrorCode.SendHoldTimer, 0)
} as const

const VERSION_MAX = 4
