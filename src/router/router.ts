// The rooms wired into one machine. A batch is taken record by record, then settled once: decisions, export, forwarding, and whatever
// work is as large as a table in slices, so that a step stays short and timers are served while a full table loads.
import { type Batch, ConnectionChange, type EventRecord } from "../eventlog/index.ts"
import {
  deepClone,
  type Machine,
  MICROS_PER_MS,
  type OpBuffer,
  type Seed,
  TABLE_SLICE_PREFIXES,
  WALK_QUANTUM_NODES
} from "../machine/index.ts"
import { SELF } from "../rib/index.ts"
import { TimerKind } from "../session/index.ts"
import { afiOf, encodeRouteRefresh, type Family, isRouted, safiOf } from "../wire/index.ts"
import { accept, retireDynamic } from "./accept.ts"
import { toForwarding } from "./best-paths.ts"
import type { Command, PeerCommand } from "./config.ts"
import { announce, configure, withdraw } from "./configure.ts"
import { advanceRestart, endRestart, SELECTION_DEFERRAL } from "./deferral.ts"
import { routerEffects } from "./effects.ts"
import { catchUp, drained, isBehind, transmitter } from "./outbound.ts"
import type { RouterPeer } from "./peer.ts"
import { publishing } from "./publish.ts"
import { receiveBytes } from "./receive.ts"
import { refreshEnded, repeatTable } from "./refresh.ts"
import { PeerTimer, restartTimerFired } from "./restart.ts"
import { deliver, holdStillRuns, openOverdue } from "./sessions.ts"
import { type RouterOptions, RouterState, stateDigest } from "./state.ts"

export const createRouter = (seed: Seed, options?: RouterOptions): RouterState => new RouterState(seed, options)

export const router: Machine<RouterState, Batch> = {
  name: "router",
  step: (state, batch, out) => {
    state.now = batch.at
    state.notices.length = 0
    state.published.length = 0
    state.counters.batches++
    state.counters.records += batch.records.length
    for (const record of batch.records) take(state, record, out)
    if (state.isConfigured) settle(state, out)
    state.closeControl()
    return state
  },
  clone: deepClone,
  digest: stateDigest
}

const take = (state: RouterState, record: EventRecord, out: OpBuffer): void => {
  switch (record._tag) {
    case "Bytes": {
      const conn = state.connections.get(record.conn)
      if (conn !== undefined && !conn.closing) receiveBytes(state, conn, record.bytes, out, record.keeper)
      return
    }
    case "Connection":
      connectionChanged(state, record, out)
      return
    case "Timer":
      timerFired(state, record.timer, out)
      return
    case "Kernel":
      state.isConfigured ? state.forwarding.kernelBytes(record.channel, record.bytes, out) : undefined
      return
    case "Followed":
      if (state.isConfigured && !state.stopping) {
        state.followed.take(state.forwarding, record.news, record.bytes, state.now)
      }
      return
    case "Command":
      obey(state, JSON.parse(record.json) as Command, out)
      return
    case "Quantum":
      state.quantumWanted = false
      if (state.isConfigured) state.rib.sweep(record.nodes)
      return
    case "Checkpoint":
      return
  }
}

const connectionChanged = (
  state: RouterState,
  record: Extract<EventRecord, { readonly _tag: "Connection" }>,
  out: OpBuffer
): void => {
  if (record.change === ConnectionChange.Accepted) {
    accept(state, record.conn, record.remote, record.local, out)
    return
  }
  const conn = state.connections.get(record.conn)
  if (conn === undefined) return
  const peer = state.peers[conn.peer]
  switch (record.change) {
    case ConnectionChange.Dialled:
      conn.local = record.local
      conn.remote = record.remote
      if (peer !== undefined && !conn.closing) deliver(state, peer, { _tag: "Dialled", conn: conn.conn }, out)
      return
    case ConnectionChange.Drained:
      drained(conn, out)
      return
    case ConnectionChange.DialFailed:
    case ConnectionChange.Closed:
      // Nothing is sent on it any more, but its session is still there to be taken down.
      conn.closing = true
      if (peer !== undefined) {
        const _tag = record.change === ConnectionChange.Closed ? "Closed" : "DialFailed"
        deliver(state, peer, { _tag, conn: conn.conn, cause: record.cause }, out)
      }
      state.connections.delete(conn.conn)
      state.timers.cancelAll(conn.conn, out)
      return
  }
}

const timerFired = (state: RouterState, timer: number, out: OpBuffer): void => {
  const owner = state.timers.fired(timer)
  if (owner === undefined) {
    state.counters.staleTimers++
    return
  }
  if (owner.peer === SELF && owner.kind === SELECTION_DEFERRAL) {
    endRestart(state, out)
    return
  }
  if (owner.peer === SELF) {
    state.forwarding.timer(owner.kind, out)
    return
  }
  const peer = state.peers[owner.peer]
  if (peer === undefined) return
  if (owner.kind >= PeerTimer.Refresh) {
    refreshEnded(state, peer, (owner.kind - PeerTimer.Refresh) as Family, out)
    return
  }
  if (owner.kind >= PeerTimer.Restart) {
    restartTimerFired(state, peer, owner.kind, out)
    return
  }
  const conn = state.connections.get(owner.conn)
  if (owner.kind === TimerKind.Hold && conn !== undefined && holdStillRuns(state, peer, conn, out)) return
  if (owner.kind === TimerKind.Hold && conn !== undefined) openOverdue(state, peer, conn, out)
  deliver(state, peer, { _tag: "TimerFired", conn: owner.conn, timer: owner.kind as TimerKind }, out)
}

const obey = (state: RouterState, command: Command, out: OpBuffer): void => {
  switch (command.command) {
    case "configure":
      configure(state, command.config, out)
      return
    case "announce":
      if (state.isConfigured) announce(state, command.route)
      return
    case "withdraw":
      if (state.isConfigured) withdraw(state, command.prefix)
      return
    case "resync":
      if (state.isConfigured) state.forwarding.kernelSide?.intake.reread()
      return
    case "peer":
      operate(state, command, out)
      return
    case "shutdown":
      state.stopping = true
      out.put(routerEffects.code.Unlisten)
      for (const peer of state.peers)
        if (peer !== undefined) deliver(state, peer, { _tag: "Disabled", communication: "" }, out)
      if (state.isConfigured) state.forwarding.shutdown(out)
      else finish(state, out)
      return
  }
}

const operate = (state: RouterState, { address, action, message = "", soft }: PeerCommand, out: OpBuffer): void => {
  const index = state.byAddress.get(address)
  if (index === undefined) return
  const peer = state.peerAt(index)
  if (action === "enable") {
    deliver(state, peer, { _tag: "Enabled" }, out)
    return
  }
  if (action === "disable") {
    deliver(state, peer, { _tag: "Disabled", communication: message }, out)
    return
  }
  if (action === "reset") {
    const graceful = soft === true
    if (graceful && !keepsRoutesOverReset(state, peer)) return
    deliver(state, peer, { _tag: "ResetRequested", communication: message, graceful }, out)
    return
  }
  if (action === "bfd-down") {
    deliver(state, peer, { _tag: "BfdDown" }, out)
    return
  }
  const conn = state.connections.get(peer.established)
  if (conn?.session === undefined) return
  const { families, routeRefresh } = conn.session.negotiated
  for (const family of families) {
    repeatTable(state, peer, family)
    const message = { afi: afiOf(family as Family), safi: safiOf(family as Family), subtype: 0 }
    if (routeRefresh) state.sendControl(conn, encodeRouteRefresh(message), out)
  }
}

/** Whether the peer and we keep each other's routes when we end the session and begin anew (RFC 8538). */
export const keepsRoutesOverReset = (state: RouterState, peer: RouterPeer): boolean =>
  state.connections.get(peer.established)?.session?.negotiated.gracefulRestart?.notification === true

/** After the records of a batch: decide, tell, forward, and ask for more time where work is left. */
const settle = (state: RouterState, out: OpBuffer): void => {
  const { rib, forwarding } = state
  retireDynamic(state, out)
  advanceRestart(state, out)
  internNextHops(state)
  rib.settle(publishing(state, toForwarding(state)), transmitter(state, out))
  releaseNextHops(state)
  forwarding.flush(WALK_QUANTUM_NODES, out)
  forwarding.drainChanges((nextHopSet) => trackNextHop(state, nextHopSet))
  forwarding.drainTimers((kind, milliseconds) => state.timers.arm({ peer: SELF, conn: 0, kind }, milliseconds, out))
  forwarding.drainNotices((level, message) => state.notice({ kind: "kernel", level, message }, out))
  if (!state.initialSyncDone && isSynchronised(state)) {
    state.initialSyncDone = true
    forwarding.initialSyncDone()
  }
  catchUp(state, out)
  if (state.stopping) finish(state, out)
  if (!state.quantumWanted && hasWork(state)) {
    state.quantumWanted = true
    out.put(routerEffects.code.WantQuantum, TABLE_SLICE_PREFIXES)
  }
}

/** Every peer that is wanted has told its whole table, and so has a hub, if one is followed. A peer that never does is what forwarding's grace timer is for. */
const isSynchronised = (state: RouterState): boolean =>
  (state.config?.follows !== true || state.followed.wasInSync) &&
  state.peers.every((peer) => {
    if (peer === undefined || !peer.config.enabled) return true
    const { session } = state.connections.get(peer.established) ?? {}
    const { families } = session?.negotiated ?? {}
    // What is only carried has nothing in the kernel.
    return families?.every((family) => !isRouted(family) || peer.endOfRib[family]) === true
  })

const hasWork = (state: RouterState): boolean => {
  return state.rib.hasSweeps || state.forwarding.pending() || isBehind(state)
}

/** Next hops that came into use: known to the forwarding side before anything is decided on them. */
const internNextHops = (state: RouterState): void => {
  const { nextHops } = state.rib.store
  nextHops.drainTurned(true, (id) => {
    if (state.nextHopOfSet.get(state.nextHopSets[id]) === id) return
    const set = state.forwarding.internNextHops([nextHops.addresses[id]])
    state.nextHopSets[id] = set
    state.nextHopOfSet.set(set, id)
    const { reachable, metric } = state.forwarding.reachability(set)
    nextHops.reachable[id] = reachable && !state.ownAddresses.has(nextHops.text(id)) ? 1 : 0
    nextHops.metrics[id] = metric
  })
}

/** Next hops that no route names any more: their kernel objects may go. */
const releaseNextHops = (state: RouterState): void => {
  state.rib.store.nextHops.drainTurned(false, (id) => {
    if (state.stopping) return
    const set = state.nextHopSets[id]
    if (state.nextHopOfSet.get(set) !== id) return
    state.nextHopOfSet.delete(set)
    state.forwarding.releaseNextHops(set)
  })
}

const trackNextHop = (state: RouterState, set: number): void => {
  const nextHop = state.nextHopOfSet.get(set)
  if (nextHop === undefined) return
  const { nextHops } = state.rib.store
  const { reachable, metric } = state.forwarding.reachability(set)
  const usable = reachable && !state.ownAddresses.has(nextHops.text(nextHop)) ? 1 : 0
  if (nextHops.reachable[nextHop] === usable && nextHops.metrics[nextHop] === metric) return
  nextHops.reachable[nextHop] = usable
  nextHops.metrics[nextHop] = metric
  state.rib.nextHopChanged(nextHop)
}

const finish = (state: RouterState, out: OpBuffer): void => {
  if (state.stopped || state.connections.size > 0) return
  if (state.isConfigured && !state.forwarding.done()) return
  state.stopped = true
  out.put(routerEffects.code.Stopped)
}

/** How long the router has been running, in milliseconds. */
export const uptimeMs = (state: RouterState): number => Math.floor((state.now - state.startedAt) / MICROS_PER_MS)
