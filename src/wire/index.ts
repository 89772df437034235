// wire: BGP-4 messages as bytes and back. Decoding finds, validating judges (RFC 7606), and both give data: nothing that a peer sends
// throws. On the hot path messages stay bytes and a reusable view says where things are; readable objects are for OPENs, tools and
// people. Everything about the protocol's numbers, their names and their text is here.

export {
  type Address,
  addressFromBytes,
  addressToBytes,
  formatAddress,
  formatPrefix,
  formatPrefixWords,
  formatWords,
  type Prefix,
  parseAddress,
  parsePrefix
} from "./address.ts"
export {
  type AsSegment,
  asPathLength,
  asPathText,
  decodeAsPath,
  encodeAsPath,
  mergeAs4Path,
  SegmentType
} from "./as-path.ts"
export { ATTRIBUTE_KIND, AttributeFlag, AttributeType, attributeName, ORIGIN_NAMES } from "./attribute-type.ts"
export {
  type Aggregator,
  type Attributes,
  decodeAttributes,
  type MpReach,
  type MpUnreach,
  type OpaqueAttribute,
  reconcileAs4
} from "./attributes.ts"
export {
  AddPathMode,
  type Capability,
  CapabilityCode,
  capabilityNames,
  codeOfCapability,
  RoleValue
} from "./capability.ts"
export {
  bandwidthOf,
  communityText,
  extendedCommunityText,
  largeCommunityText,
  parseCommunity,
  parseLargeCommunity
} from "./community.ts"
export { encodeAttributes, encodeEndOfRib, encodeUpdate, type Update } from "./encode-update.ts"
export {
  Afi,
  afiOf,
  FAMILIES_ALL,
  FAMILY_COUNT,
  FAMILY_NAMES,
  Family,
  type FamilyName,
  familyOf,
  familyText,
  isRouted,
  type RoutedFamily,
  Safi,
  safiOf
} from "./family.ts"
export {
  type Fault,
  frame,
  HEADER_BYTES,
  HeaderSubcode,
  headerFault,
  isFault,
  MESSAGE_NAMES,
  MessageType,
  writeHeader
} from "./header.ts"
export { attributesJson, type DecodeOptions, decodeToJson } from "./json.ts"
export { type UpdateContext, Verdict } from "./judge.ts"
export { decodeNlri, encodeNlri, isNlriSpan, type Nlri } from "./nlri.ts"
export {
  CeaseSubcode,
  communicationOf,
  decodeNotification,
  describeNotification,
  ErrorCode,
  encodeNotification,
  shutdownCommunication
} from "./notification.ts"
export { carriedBytesMax, isCarriedSpan, NlriParts, splitCarried, writeCarried } from "./opaque-nlri.ts"
export {
  AS_TRANS,
  asnOf,
  decodeOpen,
  encodeCapabilities,
  encodeOpen,
  namedCapabilities,
  type Open,
  OpenSubcode
} from "./open.ts"
export { decodeRouteRefresh, encodeRouteRefresh, keepalive, RefreshSubtype, type RouteRefresh } from "./refresh.ts"
export { toHex } from "./text.ts"
export { scanUpdate, type UpdateNote, UpdateView } from "./update.ts"
