// Connections that come in. A configured peer gets its own; an address within a range of dynamic neighbours gets a peer made for it, as
// long as the range has room, which is counted before anything is read; everybody else is refused and counted.
import { ACCEPTED, type ConnId } from "../eventlog/index.ts"
import type { OpBuffer } from "../machine/index.ts"
import { SELF } from "../rib/index.ts"
import { notifications } from "../session/index.ts"
import { type Address, encodeNotification, parseAddress, parsePrefix } from "../wire/index.ts"
import { addressOf } from "./agreement.ts"
import type { DynamicPeers } from "./config.ts"
import { Connection } from "./connection.ts"
import { routerEffects } from "./effects.ts"
import type { RouterPeer } from "./peer.ts"
import { addPeer, dynamicConfig, removePeer, revivePeer } from "./peers.ts"
import { isRestarting } from "./restart.ts"
import { deliver } from "./sessions.ts"
import type { RouterState } from "./state.ts"

const REFUSALS_SAID_MAX = 100
const NO_SUCH_PEER = "no such peer"

/** A peer connected to us. */
export const accept = (state: RouterState, id: ConnId, remote: string, local: string, out: OpBuffer): void => {
  if (state.connections.has(id)) return
  // A link-local peer is known by its link too.
  const scoped = remote.startsWith("[") ? remote.slice(1, remote.indexOf("]")) : ""
  const address = state.byAddress.has(scoped) ? scoped : addressOf(remote)
  const peer = id >= ACCEPTED && !state.stopping ? peerFor(state, address, out) : "we are stopping"
  if (typeof peer === "string") {
    // Strangers hear nothing; who is meant to come hears that there is no room (RFC 4486 §4).
    const isForRoom = peer !== NO_SUCH_PEER && !state.stopping && id >= ACCEPTED
    if (isForRoom) state.sendControl(new Connection(id, SELF), encodeNotification(notifications.outOfResources()), out)
    out.put(routerEffects.code.Close, id, isForRoom ? 0 : 1)
    refused(state, remote, peer, out)
    return
  }
  const conn = new Connection(id, peer.index)
  conn.remote = remote
  conn.local = local
  state.connections.set(id, conn)
  deliver(state, peer, { _tag: "Accepted", conn: id }, out)
  if (!conn.closing) return
  // The session machine did not want it: it is disabled, or has its connections already.
  state.counters.refusedByPeer++
  refused(state, remote, "the peer is disabled, or has its connections already", out)
}

/** Counts every refusal and names the first ones: a flood of connections must not become a flood of notices. */
const refused = (state: RouterState, remote: string, why: string, out: OpBuffer): void => {
  state.counters.connectionsRefused++
  if (state.counters.connectionsRefused > REFUSALS_SAID_MAX) return
  const message = `connection from ${remote} refused: ${why}`
  state.notice({ kind: "connection-refused", level: "warning", message }, out)
}

/** Dynamic peers that have lost their last connection: nothing is left of them, unless their routes are kept over a restart. */
export const retireDynamic = (state: RouterState, out: OpBuffer): void => {
  for (const index of state.departing) {
    const peer = state.peers[index]
    if (peer === undefined || peer.machine.administrative !== "Removed") state.departing.delete(index)
    else if (!isRestarting(peer)) {
      state.departing.delete(index)
      removePeer(state, peer, out)
    }
  }
}

/** The peer of an address, or why there is none. */
const peerFor = (state: RouterState, address: string, out: OpBuffer): RouterPeer | string => {
  retireDynamic(state, out)
  const known = state.byAddress.get(address)
  if (known !== undefined) {
    const peer = state.peerAt(known)
    if (state.departing.delete(known)) {
      revivePeer(state, peer)
      deliver(state, peer, { _tag: "Enabled" }, out)
    }
    return peer
  }
  const parsed = parseAddress(address)
  const dynamic = parsed === undefined ? undefined : rangeOf(state.config?.dynamic ?? [], parsed)
  if (dynamic === undefined) {
    state.counters.refusedUnknownPeer++
    return NO_SUCH_PEER
  }
  const { range, limit } = dynamic
  if (state.peers.filter((peer) => peer?.range === range).length >= limit) {
    state.counters.refusedRangeFull++
    return `range ${range} is full`
  }
  const peer = addPeer(state, dynamicConfig(dynamic.peer, address), range)
  if (peer === undefined) {
    state.counters.refusedTooManyPeers++
    return "too many peers"
  }
  deliver(state, peer, { _tag: "Enabled" }, out)
  return peer
}

/** The longest range that covers an address. */
const rangeOf = (dynamic: ReadonlyArray<DynamicPeers>, address: Address): DynamicPeers | undefined => {
  let best: DynamicPeers | undefined
  let longest = -1
  for (const candidate of dynamic) {
    const range = parsePrefix(candidate.range)
    if (range === undefined || range.length <= longest || !covers(range, address)) continue
    best = candidate
    longest = range.length
  }
  return best
}

const covers = (range: Address & { readonly length: number }, address: Address): boolean =>
  range.family === address.family &&
  range.words.every((word, index) => {
    const bits = Math.min(32, Math.max(0, range.length - index * 32))
    return bits === 0 || ((word ^ address.words[index]) & (-1 << (32 - bits))) === 0
  })
