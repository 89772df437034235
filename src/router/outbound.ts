// What goes out to peers, and how much: bytes of the RIB become Sends, and a peer that does not read them in time is owed final states
// instead of bytes. Two budgets: bytes of its own, and blocks that it keeps from being used again, however little of each is for it.
import { type OpBuffer, PEER_QUEUE_BLOCKS_MAX, PEER_QUEUE_BYTES_MAX, TABLE_SLICE_PREFIXES } from "../machine/index.ts"
import type { HasRoom, Transmit } from "../rib/index.ts"
import type { Connection } from "./connection.ts"
import { routerEffects, span } from "./effects.ts"
import { awaitDrain } from "./sessions.ts"
import type { RouterState } from "./state.ts"

export const transmitter = (state: RouterState, out: OpBuffer): Transmit => {
  const { code } = routerEffects
  return (peer, block, from, to) => {
    const receiver = state.peerAt(peer)
    const conn = state.connections.get(receiver.established)
    if (conn === undefined || conn.closing) return
    state.pool.retain(block)
    out.put(code.Send, conn.conn, block, span(from, to))
    receiver.messages.out += messagesIn(state.pool.bytes(block), from, to)
    conn.queue(block, to - from)
    if (conn.drainingBytes === 0 && isFilling(conn)) awaitDrain(conn, out)
    if (conn.unsentBytes <= PEER_QUEUE_BYTES_MAX && conn.unsentBlocks <= PEER_QUEUE_BLOCKS_MAX) return
    for (const membership of conn.session?.memberships ?? []) state.rib.stall(membership)
  }
}

/** It is time to learn how much has left. */
const isFilling = (conn: Connection): boolean =>
  conn.unsentBytes > PEER_QUEUE_BYTES_MAX / 4 || conn.unsentBlocks > PEER_QUEUE_BLOCKS_MAX / 4

/** How many whole messages a span holds: their headers say where the next one begins. */
const messagesIn = (bytes: Uint8Array, from: number, to: number): number => {
  let count = 0
  for (let at = from; at < to; at += (bytes[at + 16] << 8) | bytes[at + 17]) count++
  return count
}

/** What was unsent when we asked has left. */
export const drained = (conn: Connection, out: OpBuffer): void => {
  conn.drained()
  if (isFilling(conn)) awaitDrain(conn, out)
}

/** A slice of what peers that are not up to date have to hear, for those whose sockets have room. */
export const catchUp = (state: RouterState, out: OpBuffer): void => {
  state.rib.catchUp(TABLE_SLICE_PREFIXES, roomOf(state), transmitter(state, out))
}

/** Whether somebody waits for a slice. */
export const isBehind = (state: RouterState): boolean => state.rib.canCatchUp(roomOf(state))

const roomOf =
  (state: RouterState): HasRoom =>
  (peer) => {
    const conn = state.connections.get(state.peers[peer]?.established ?? 0)
    return (
      conn !== undefined && conn.unsentBytes < PEER_QUEUE_BYTES_MAX / 2 && conn.unsentBlocks < PEER_QUEUE_BLOCKS_MAX / 2
    )
  }
