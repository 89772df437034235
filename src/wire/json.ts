// Messages as plain JSON for people and scripts, with the names that `show routes` uses. An UPDATE is shown as it would be taken: what
// RFC 7606 discards is listed under `findings` and left out of the rest.
import { formatAddress, formatPrefix, formatWords, u32 } from "./address.ts"
import { asPathText } from "./as-path.ts"
import { AttributeType, attributeName, ORIGIN_NAMES } from "./attribute-type.ts"
import { type Attributes, decodeAttributes, type OpaqueAttribute } from "./attributes.ts"
import { type Capability, codeOfCapability } from "./capability.ts"
import { communityText, extendedCommunityText, largeCommunityText } from "./community.ts"
import { FAMILY_NAMES, familyText, isRouted } from "./family.ts"
import { type Fault, frame, headerFault, isFault, MESSAGE_NAMES, MessageType } from "./header.ts"
import type { UpdateContext } from "./judge.ts"
import { decodeNlri, type Nlri } from "./nlri.ts"
import { communicationOf, decodeNotification, describeNotification } from "./notification.ts"
import { carriedSpans } from "./opaque-nlri.ts"
import { asnOf, decodeOpen } from "./open.ts"
import { decodeRouteRefresh } from "./refresh.ts"
import { toHex } from "./text.ts"
import { scanUpdate, UpdateView } from "./update.ts"

export type Json = Readonly<Record<string, unknown>>

export interface DecodeOptions {
  readonly as4: boolean
  readonly addPath: ReadonlyArray<boolean>
  /** Judge as from a peer in another AS; absent: as from an internal one, which discards less. */
  readonly external?: boolean
}

const LONGEST = 65535

/** One object per message. Bytes that are no message end the list with an object that says why. */
export const decodeToJson = (bytes: Uint8Array, options: DecodeOptions): ReadonlyArray<Json> => {
  const messages: Array<Json> = []
  for (let at = 0; at < bytes.length; ) {
    const length = frame(bytes, at, bytes.length, LONGEST)
    const rest = bytes.length - at
    if (length < 0) {
      messages.push({ type: "invalid", length: rest, offset: at, error: faultJson(headerFault(bytes, at, length)) })
      break
    }
    if (length === 0 || length > rest) {
      messages.push({ type: "incomplete", length: rest, offset: at, expected: length === 0 ? 19 : length })
      break
    }
    messages.push({ type: MESSAGE_NAMES[bytes[at + 18]], length, ...bodyJson(bytes, at, length, options) })
    at += length
  }
  return messages
}

const bodyJson = (bytes: Uint8Array, at: number, length: number, options: DecodeOptions): Json => {
  switch (bytes[at + 18]) {
    case MessageType.Open:
      return openJson(bytes, at, length)
    case MessageType.Update:
      return updateJson(bytes, at, length, options)
    case MessageType.Notification:
      return faultJson(decodeNotification(bytes, at, length))
    case MessageType.RouteRefresh: {
      const refresh = decodeRouteRefresh(bytes, at, length)
      if (isFault(refresh)) return { error: faultJson(refresh) }
      return { family: familyText(refresh.afi, refresh.safi), ...refresh }
    }
    default:
      return {}
  }
}

const faultJson = (fault: Fault): Json => {
  const communication = communicationOf(fault)
  return {
    code: fault.code,
    subcode: fault.subcode,
    text: describeNotification(fault),
    data: toHex(fault.data),
    ...(communication === undefined ? {} : { communication })
  }
}

const openJson = (bytes: Uint8Array, at: number, length: number): Json => {
  const open = decodeOpen(bytes, at, length)
  if (isFault(open)) return { error: faultJson(open) }
  return {
    version: open.version,
    asn: asnOf(open),
    holdTime: open.holdTime,
    id: formatWords(4, [open.id], 0),
    capabilities: open.capabilities.map(capabilityJson)
  }
}

const capabilityJson = (capability: Capability): Json => {
  const { _tag, ...rest } = capability
  const known = { code: codeOfCapability(capability), name: CAPABILITY_NAMES[_tag] }
  if (capability._tag === "Unknown") return { ...known, value: toHex(capability.value) }
  if (capability._tag === "Multiprotocol") return { ...known, family: familyText(capability.afi, capability.safi) }
  if (!("families" in capability)) return { ...known, ...rest }
  const families: ReadonlyArray<{ readonly afi: number; readonly safi: number }> = capability.families
  return {
    ...known,
    ...rest,
    families: families.map(({ afi, safi, ...more }) => ({ family: familyText(afi, safi), ...more }))
  }
}

const CAPABILITY_NAMES: Readonly<Record<Capability["_tag"], string>> = {
  Multiprotocol: "multiprotocol",
  RouteRefresh: "route-refresh",
  ExtendedNextHop: "extended-next-hop",
  ExtendedMessage: "extended-message",
  Role: "role",
  GracefulRestart: "graceful-restart",
  FourOctetAs: "4-octet-as",
  AddPath: "add-path",
  EnhancedRouteRefresh: "enhanced-route-refresh",
  LongLivedGracefulRestart: "long-lived-graceful-restart",
  Fqdn: "fqdn",
  SoftwareVersion: "software-version",
  Unknown: "unknown"
}

const VERDICT_NAMES = ["keep", "discard", "treat-as-withdraw", "disable-family", "reset"] as const

const updateJson = (bytes: Uint8Array, at: number, length: number, options: DecodeOptions): Json => {
  const view = new UpdateView()
  const context: UpdateContext = {
    external: false,
    confederation: true,
    carried: ALL_FAMILIES,
    ...options,
    extended: true
  }
  const verdict = scanUpdate(view, bytes, at, length, context)
  const findings = view.notes.map((note) => ({
    attribute: attributeName(note.attribute),
    verdict: VERDICT_NAMES[note.verdict],
    reason: note.reason
  }))
  const judged = { verdict: VERDICT_NAMES[verdict], ...(findings.length === 0 ? {} : { findings }) }
  if (view.fault !== undefined) return { ...judged, error: faultJson(view.fault) }
  const { addPath } = options
  return {
    ...judged,
    ...(view.endOfRib === -1 ? {} : { endOfRib: FAMILY_NAMES[view.endOfRib] }),
    withdrawn: prefixesJson(decodeNlri(bytes, view.withdrawnAt, view.withdrawnEnd, 4, addPath[0])),
    attributes: attributesJson(keptAttributes(view, options)),
    nlri: prefixesJson(decodeNlri(bytes, view.nlriAt, view.nlriEnd, 4, addPath[0])),
    ...carriedJson(view, addPath)
  }
}

const ALL_FAMILIES = 0x7fff_ffff

/** Routes of families that are only carried, in hexadecimal. */
const carriedJson = (view: UpdateView, addPath: ReadonlyArray<boolean>): Json => {
  const { bytes, reachFamily, unreachFamily, reachNextHopAt, reachNextHopLength } = view
  const spansJson = (family: number, from: number, to: number): ReadonlyArray<unknown> =>
    carriedSpans(family, bytes, from, to, addPath[family] === true).map(([at, end]) => {
      const nlri = `0x${toHex(bytes.subarray(at, end))}`
      return addPath[family] === true ? { nlri, pathId: u32(bytes, at - 4) } : nlri
    })
  const json: Record<string, unknown> = {}
  if (isCarried(reachFamily)) {
    const hop = toHex(bytes.subarray(reachNextHopAt, reachNextHopAt + reachNextHopLength))
    const nlri = spansJson(reachFamily, view.reachNlriAt, view.reachNlriEnd)
    json["reach"] = { family: FAMILY_NAMES[reachFamily as number], nextHop: `0x${hop}`, nlri }
  }
  if (isCarried(unreachFamily)) {
    const nlri = spansJson(unreachFamily, view.unreachNlriAt, view.unreachNlriEnd)
    json["unreach"] = { family: FAMILY_NAMES[unreachFamily as number], nlri }
  }
  return json
}

const isCarried = (family: number): boolean => family >= 0 && !isRouted(family)

const keptAttributes = (view: UpdateView, { as4, addPath }: DecodeOptions): Attributes => {
  const omitted = view.discarded.filter((type) => view.valueAt[type] < 0)
  if (isCarried(view.reachFamily)) omitted.push(AttributeType.MpReach)
  if (isCarried(view.unreachFamily)) omitted.push(AttributeType.MpUnreach)
  return decodeAttributes(view.bytes, view.attributesAt, view.attributesEnd, as4, addPath, omitted)
}

/** With path identifiers, objects; without, text. */
const prefixesJson = (nlri: ReadonlyArray<Nlri>): ReadonlyArray<unknown> =>
  nlri.map((prefix) =>
    prefix.pathId === undefined ? formatPrefix(prefix) : { prefix: formatPrefix(prefix), pathId: prefix.pathId }
  )

/** Attributes under the names of `show routes`; what is absent is left out. */
export const attributesJson = (attributes: Attributes): Readonly<Record<string, unknown>> => {
  const { origin, asPath, nextHop, mpReach, mpUnreach } = attributes
  const json: Record<string, unknown> = {}
  const hop = nextHop ?? mpReach?.nextHops[0]
  if (origin !== undefined) json["origin"] = ORIGIN_NAMES[origin] ?? origin
  if (asPath !== undefined) json["asPath"] = asPathText(asPath)
  if (hop !== undefined) json["nextHop"] = formatAddress(hop)
  if (attributes.med !== undefined) json["med"] = attributes.med
  if (attributes.localPref !== undefined) json["localPref"] = attributes.localPref
  if (attributes.atomicAggregate === true) json["atomicAggregate"] = true
  if (attributes.aggregator !== undefined) json["aggregator"] = aggregatorJson(attributes.aggregator)
  if (attributes.communities !== undefined) json["communities"] = attributes.communities.map(communityText)
  if (attributes.originatorId !== undefined) json["originatorId"] = ipv4Text(attributes.originatorId)
  if (attributes.clusterList !== undefined) json["clusterList"] = attributes.clusterList.map(ipv4Text)
  if (mpReach !== undefined) {
    json["reach"] = {
      family: familyText(mpReach.afi, mpReach.safi),
      nextHops: mpReach.nextHops.map(formatAddress),
      nlri: prefixesJson(mpReach.nlri)
    }
  }
  if (mpUnreach !== undefined) {
    json["unreach"] = { family: familyText(mpUnreach.afi, mpUnreach.safi), nlri: prefixesJson(mpUnreach.nlri) }
  }
  if (attributes.extendedCommunities !== undefined) {
    json["extendedCommunities"] = attributes.extendedCommunities.map(extendedCommunityText)
  }
  if (attributes.as4Path !== undefined) json["as4Path"] = asPathText(attributes.as4Path)
  if (attributes.as4Aggregator !== undefined) json["as4Aggregator"] = aggregatorJson(attributes.as4Aggregator)
  if (attributes.largeCommunities !== undefined) {
    json["largeCommunities"] = attributes.largeCommunities.map(largeCommunityText)
  }
  if (attributes.unknown !== undefined) json["unknown"] = attributes.unknown.map(opaqueJson)
  return json
}

const ipv4Text = (word: number): string => formatWords(4, [word], 0)

const aggregatorJson = ({ asn, address }: NonNullable<Attributes["aggregator"]>): Json => ({
  asn,
  address: ipv4Text(address)
})

const opaqueJson = ({ type, flags, value }: OpaqueAttribute): Json => ({
  type,
  name: attributeName(type),
  flags,
  value: toHex(value)
})
