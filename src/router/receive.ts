// From received bytes to what they mean. Messages that belong to the session machine become its events; in Established the two that
// come by the hundred thousand, UPDATE and KEEPALIVE, only note that something was heard, and UPDATEs go on into the RIB.
import type { BytesKeeper } from "../buffers/index.ts"
import type { OpBuffer } from "../machine/index.ts"
import type { PeerKind } from "../rib/index.ts"
import { notifications } from "../session/index.ts"
import {
  decodeNotification,
  decodeOpen,
  decodeRouteRefresh,
  type Family,
  type Fault,
  headerFault,
  isFault,
  MessageType,
  scanUpdate,
  type UpdateView,
  Verdict
} from "../wire/index.ts"
import { canonicalAttributes } from "./canonical.ts"
import type { Connection, Session } from "./connection.ts"
import { familyDisabled, listensTo } from "./disabled-family.ts"
import type { RouterPeer } from "./peer.ts"
import { exceededFamily } from "./prefix-limit.ts"
import { familySynchronised } from "./restart.ts"
import { deliver } from "./sessions.ts"
import type { RouterState } from "./state.ts"

/** Takes a chunk as it came from a connection. */
export const receiveBytes = (
  state: RouterState,
  conn: Connection,
  bytes: Uint8Array,
  out: OpBuffer,
  keeper?: BytesKeeper
): void => {
  state.counters.bytesIn += bytes.length
  state.chunk.begin(bytes, keeper)
  conn.receive(
    bytes,
    (chunk, at, length) => {
      receiveMessage(state, conn, chunk, at, length, out)
      return !conn.closing
    },
    (chunk, at, verdict) => malformed(state, conn, headerFault(chunk, at, verdict), chunk[at + 18], out)
  )
  state.chunk.end()
}

const receiveMessage = (
  state: RouterState,
  conn: Connection,
  bytes: Uint8Array,
  at: number,
  length: number,
  out: OpBuffer
): void => {
  const peer = state.peers[conn.peer]
  if (peer === undefined) return
  state.counters.messagesIn++
  peer.messages.in++
  const type = bytes[at + 18]
  const { session } = conn
  if (session !== undefined) {
    session.lastHeardAt = state.now
    session.graceGiven = false
    if (type === MessageType.Update) {
      receiveUpdate(state, conn, peer, session, bytes, at, length, out)
      return
    }
    if (type === MessageType.Keepalive) return
  }
  switch (type) {
    case MessageType.Open: {
      const open = decodeOpen(bytes, at, length)
      if (isFault(open)) {
        malformed(state, conn, open, type, out)
        return
      }
      deliver(state, peer, { _tag: "OpenReceived", conn: conn.conn, open }, out)
      return
    }
    case MessageType.Update:
      deliver(state, peer, { _tag: "UpdateReceived", conn: conn.conn }, out)
      return
    case MessageType.Keepalive:
      deliver(state, peer, { _tag: "KeepaliveReceived", conn: conn.conn }, out)
      return
    case MessageType.Notification:
      deliver(
        state,
        peer,
        { _tag: "NotificationReceived", conn: conn.conn, fault: decodeNotification(bytes, at, length) },
        out
      )
      return
    default:
      receiveRefresh(state, conn, peer, bytes, at, length, out)
      return
  }
}

const malformed = (state: RouterState, conn: Connection, fault: Fault, messageType: number, out: OpBuffer): void => {
  const peer = state.peers[conn.peer]
  if (peer !== undefined) deliver(state, peer, { _tag: "Malformed", conn: conn.conn, fault, messageType }, out)
}

/** RFC 2918: a refresh asks for the adj-out of a family again, as it is now. */
const receiveRefresh = (
  state: RouterState,
  conn: Connection,
  peer: RouterPeer,
  bytes: Uint8Array,
  at: number,
  length: number,
  out: OpBuffer
): void => {
  const refresh = decodeRouteRefresh(bytes, at, length)
  if (isFault(refresh)) {
    malformed(state, conn, refresh, MessageType.RouteRefresh, out)
    return
  }
  deliver(state, peer, { _tag: "RefreshReceived", conn: conn.conn, ...refresh }, out)
}

const receiveUpdate = (
  state: RouterState,
  conn: Connection,
  peer: RouterPeer,
  session: Session,
  bytes: Uint8Array,
  at: number,
  length: number,
  out: OpBuffer
): void => {
  state.counters.updatesIn++
  const view = state.update
  const verdict = scanUpdate(view, bytes, at, length, session.context)
  if (verdict !== Verdict.Keep) noteFindings(state, peer, view, out)
  if (verdict === Verdict.DisableFamily) {
    const isLast = listensTo(session).every((family) => family === view.brokenFamily)
    if (isLast) malformed(state, conn, notifications.optionalAttribute([]), MessageType.Update, out)
    else familyDisabled(state, peer, session, view.brokenFamily as Family, out)
    return
  }
  if (view.fault !== undefined) {
    malformed(state, conn, view.fault, MessageType.Update, out)
    return
  }
  if (view.endOfRib >= 0) {
    peer.endOfRib[view.endOfRib as Family] = true
    familySynchronised(state, peer, view.endOfRib as Family, out)
    return
  }
  // Prefixes of a family that is passed over are not found.
  state.rib.adjIn.spanFirst = -1
  learnUpdate(state, peer.index, session, view, verdict === Verdict.TreatAsWithdraw)
  const { passThrough } = state.rib.packer
  if (verdict === Verdict.Keep && passThrough.isWanted) {
    const { peers, spanFirst } = state.rib.adjIn
    state.chunk.note(passThrough, session, peers.kind[peer.index] as PeerKind, view, spanFirst)
  }
  checkPrefixLimit(state, conn, peer, out)
}

/** Withdrawals first (RFC 4271 §4.3: a prefix in both parts counts as announced), then announcements under one set of attributes. */
const learnUpdate = (
  state: RouterState,
  peer: number,
  session: Session,
  view: UpdateView,
  treatAsWithdraw: boolean
): void => {
  const { adjIn, store } = state.rib
  const { addPath } = session.context
  const { bytes } = view
  const hasFamily = listensTo(session)
  if (view.withdrawnEnd > view.withdrawnAt) {
    adjIn.forgetSpan(peer, 0, bytes, view.withdrawnAt, view.withdrawnEnd, addPath[0])
  }
  const unreach = view.unreachFamily
  if (unreach >= 0 && hasFamily.includes(unreach)) {
    adjIn.forgetSpan(
      peer,
      unreach as Family,
      bytes,
      view.unreachNlriAt,
      view.unreachNlriEnd,
      addPath[unreach as Family]
    )
  }
  const reach = view.reachFamily
  const reaches = reach >= 0 && view.reachNlriEnd > view.reachNlriAt && hasFamily.includes(reach)
  const announces = view.nlriEnd > view.nlriAt && hasFamily.includes(0)
  // An IPv6 next hop of IPv4 prefixes that was not agreed on (RFC 8950 §4) leads nowhere.
  const isUnagreed = reach === 0 && view.reachNextHopLength > 4 && session.negotiated.extendedNextHop !== true
  if (treatAsWithdraw || (reaches && isUnagreed)) {
    if (announces) adjIn.forgetSpan(peer, 0, bytes, view.nlriAt, view.nlriEnd, addPath[0])
    if (reaches) {
      adjIn.forgetSpan(peer, reach as Family, bytes, view.reachNlriAt, view.reachNlriEnd, addPath[reach as Family])
    }
    return
  }
  if (announces) {
    const set = canonicalAttributes(store, view, session.context, session.intake, false)
    adjIn.learnSpan(peer, 0, bytes, view.nlriAt, view.nlriEnd, addPath[0], set)
    store.discardUnused(set)
  }
  if (reaches) {
    const set = canonicalAttributes(store, view, session.context, session.intake, true)
    adjIn.learnSpan(peer, reach as Family, bytes, view.reachNlriAt, view.reachNlriEnd, addPath[reach as Family], set)
    store.discardUnused(set)
  }
}

const noteFindings = (state: RouterState, peer: RouterPeer, view: UpdateView, out: OpBuffer): void => {
  for (const note of view.notes) {
    peer.findings.last = note.attribute === 0 ? note.reason : `attribute ${note.attribute}: ${note.reason}`
    if (note.verdict === Verdict.Discard) peer.findings.discarded++
  }
  if (view.verdict === Verdict.TreatAsWithdraw) {
    peer.findings.treatedAsWithdraw++
    state.counters.updatesTreatedAsWithdraw++
  }
  if (peer.findings.discarded + peer.findings.treatedAsWithdraw > FINDINGS_SAID_MAX) return
  state.notice(
    {
      kind: "update-finding",
      level: "warning",
      peer: peer.config.address,
      message: `${peer.config.address}: UPDATE with a fault (${peer.findings.last})`
    },
    out
  )
}

/** Past this many findings a peer's faults are only counted: a broken peer must not flood the log. */
const FINDINGS_SAID_MAX = 20

const checkPrefixLimit = (state: RouterState, conn: Connection, peer: RouterPeer, out: OpBuffer): void => {
  const limit = peer.config.maxPrefixes
  if (limit === 0) return
  const family = exceededFamily(state, peer, out)
  if (family !== -1) deliver(state, peer, { _tag: "PrefixLimitExceeded", conn: conn.conn, family, limit }, out)
}
