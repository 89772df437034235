// What users ask of a running router, or of one that a replay has brought to some point: pure functions of its state. Tables are
// generators over dense numbers: they may be drawn slowly while the state moves on, and hold nothing but their position.
import { isoTime } from "../machine/index.ts"
import {
  type ExportClass,
  exportedNextHop,
  type KeyTable,
  type PathRef,
  REASON_NAMES,
  type RibTable,
  type RouteTold,
  SELF,
  writeAttributes
} from "../rib/index.ts"
import {
  type Attributes,
  attributesJson,
  decodeAttributes,
  FAMILY_NAMES,
  formatPrefixWords,
  formatWords,
  isRouted,
  parseAddress,
  parsePrefix
} from "../wire/index.ts"
import { keepEntries } from "./best-paths.ts"
import { nextHopText, nlriText } from "./show-carried.ts"
import { peerRows } from "./show-peers.ts"
import type { RouterState } from "./state.ts"

/** Answers a question, or `undefined` if nothing goes by that name. Arrays and objects are one value, other iterables are tables. */
export const query = (
  state: RouterState,
  name: string,
  params: Readonly<Record<string, string | undefined>> = {}
): unknown => {
  if (name === "fib" || name === "graph") keepEntries(state)
  switch (name) {
    case "peers":
      return peerRows(state)
    case "routes":
      return state.isConfigured ? routes(state, params) : []
    case "fib":
      return state.isConfigured ? state.forwarding.showFib(params) : []
    case "graph":
      return state.isConfigured ? state.forwarding.showGraph(params) : undefined
    case "kernel":
      return state.isConfigured ? state.forwarding.showKernel(params) : []
    case "walks":
      return state.isConfigured ? state.forwarding.showWalks() : {}
    case "buffers":
      return buffers(state)
    case "health":
      return health(state)
    default:
      return undefined
  }
}

type Params = Readonly<Record<string, string | undefined>>

function* routes(state: RouterState, params: Params): Iterable<unknown> {
  const peer = params["peer"] === undefined ? undefined : state.byAddress.get(params["peer"])
  if (params["peer"] !== undefined && peer === undefined) return
  const wanted = params["prefix"] === undefined ? undefined : parsePrefix(params["prefix"])
  if (params["prefix"] !== undefined && wanted === undefined) return
  for (const table of state.rib.tables) {
    if (params["family"] !== undefined && params["family"] !== FAMILY_NAMES[table.prefixes.family]) continue
    if (wanted !== undefined && (wanted.family === 4 ? 0 : 1) !== table.prefixes.family) continue
    if (wanted !== undefined && params["longer"] === undefined) {
      const id = table.prefixes.find(wanted.words, 0, wanted.length)
      if (id !== -1) yield* rowsOf(state, table, id, peer, params)
      continue
    }
    for (let id = 0; id < table.prefixes.bound; id++) {
      if (table.prefixes.holdersOf(id) === 0) continue
      if (wanted !== undefined && !table.prefixes.covers(wanted.words, wanted.length, id)) continue
      yield* rowsOf(state, table, id, peer, params)
    }
  }
}

function* rowsOf(
  state: RouterState,
  table: RibTable,
  id: number,
  peer: number | undefined,
  params: Params
): Iterable<unknown> {
  if (params["advertised"] !== undefined) return yield* advertisedRows(state, table, id, peer)
  const { paths } = state.rib.adjIn
  const shares = sharesOf(state, table.heads[id] ?? 0)
  for (let path: PathRef = table.heads[id] ?? 0; path !== 0; path = paths.next[path]) {
    if (peer !== undefined && paths.peer[path] !== peer) continue
    if (params["best"] !== undefined && paths.reason[path] !== 0) continue
    const received = params["received"] !== undefined
    yield { ...pathRow(state, table, id, path, received), ...shares.get(path) }
  }
}

type Share = { readonly multipath: true; readonly weight: number }

/** The paths that share the traffic of a prefix, and how much of it they get. */
const sharesOf = (state: RouterState, head: PathRef): ReadonlyMap<PathRef, Share> => {
  const { multipath } = state.rib.decision
  if (multipath.gather(head) === 0) return NO_SHARES
  const { members, weights } = multipath
  return new Map(members.map((path, index) => [path, { multipath: true, weight: weights[index] ?? 1 }]))
}

const NO_SHARES: ReadonlyMap<PathRef, Share> = new Map()

/** One path of a prefix as users see it; `received`: before policy. */
export const pathRow = (
  state: RouterState,
  table: RibTable,
  id: number,
  path: PathRef,
  received = false
): Record<string, unknown> => {
  const { paths } = state.rib.adjIn
  const { store } = state.rib
  const set = received ? paths.receivedOf(path) : paths.attributes[path]
  const peer = paths.peer[path]
  const attributes = decodeAttributes(store.chunkOf(set), store.startOf(set), store.blockEndOf(set), true)
  return {
    ...prefixPart(state, table, id, set),
    peer: peerName(state, peer),
    pathId: paths.pathIdOf(path),
    best: paths.reason[path] === 0,
    reason: REASON_NAMES[paths.reason[path]],
    ...(state.rib.adjIn.isStale(table.prefixes.family, path) ? { stale: true } : {}),
    nextHop: nextHopPart(state, table, peer, set),
    ...withoutNextHop(attributes)
  }
}

const peerName = (state: RouterState, peer: number): string =>
  peer === SELF ? "local" : (state.peers[peer]?.config.address ?? "removed")

const nextHopPart = (state: RouterState, table: RibTable, peer: number, set: number): string => {
  const { store } = state.rib
  if (!isRouted(table.prefixes.family)) return nextHopText(store, set)
  return peer === SELF ? "self" : store.nextHops.text(store.nextHop[set])
}

const prefixPart = (
  state: RouterState,
  table: RibTable,
  id: number,
  set: number
): { readonly prefix: string; readonly family: string } => {
  const { prefixes } = table
  const family = prefixes.family === 0 ? 4 : 6
  if (!isRouted(prefixes.family)) {
    const prefix = nlriText(prefixes as KeyTable, id, state.rib.store, set)
    return { prefix, family: FAMILY_NAMES[prefixes.family] }
  }
  return {
    prefix: formatPrefixWords(family, prefixes.words, id * prefixes.wordsPerPrefix, prefixes.lengths[id]),
    family: FAMILY_NAMES[prefixes.family]
  }
}

const withoutNextHop = (attributes: Attributes): Record<string, unknown> => {
  const { nextHop: _, ...rest } = attributesJson(attributes)
  return { localPref: null, med: null, communities: [], largeCommunities: [], extendedCommunities: [], ...rest }
}

const scratch: Uint8Array = new Uint8Array(140_000)

/** What a peer was told about a prefix, as it was written for it. */
function* advertisedRows(state: RouterState, table: RibTable, id: number, peer: number | undefined): Iterable<unknown> {
  for (const exportClass of state.rib.classes) {
    if (exportClass.parameters.family !== table.prefixes.family) continue
    for (const member of exportClass.members) {
      if (peer !== undefined && member.peer !== peer) continue
      for (const route of exportClass.routesOf(member, id))
        yield advertisedRow(state, table, id, exportClass, member.peer, route)
    }
  }
}

const advertisedRow = (
  state: RouterState,
  table: RibTable,
  id: number,
  exportClass: ExportClass,
  peer: number,
  { attributes: set, source: from, pathId }: RouteTold
): Record<string, unknown> => {
  const { store } = state.rib
  const { peers } = state.rib.adjIn
  const source = {
    local: from === SELF,
    internal: from !== SELF && peers.external[from] === 0,
    routerId: peers.routerId[from]
  }
  const parameters = { ...exportClass.parameters, as4: true }
  const end = writeAttributes(scratch, 0, store, set, source, parameters)
  const attributes = decodeAttributes(scratch, 0, end, true)
  const words = exportedNextHop(store, set, source, parameters)
  const said = words.length === 0 ? "none" : formatWords(words.length === 1 ? 4 : 6, words, 0)
  const nextHop = isRouted(table.prefixes.family) ? said : nextHopText(store, set)
  return {
    ...prefixPart(state, table, id, set),
    peer: peerName(state, peer),
    pathId,
    best: true,
    reason: "advertised",
    nextHop,
    ...withoutNextHop(attributes)
  }
}

/** What became of the bytes that went out, counted once for all members of a class; and the two caches. */
const passThrough = ({ rib: { packer } }: RouterState): Record<string, unknown> => ({
  passThrough: {
    enabled: packer.passThrough.isOn,
    unchanged: packer.unchanged,
    slices: packer.slices,
    repacked: packer.repacked,
    split: packer.split
  },
  recent: packer.passThrough.recent.stats(),
  repackCache: packer.rewritten.stats()
})

const buffers = (state: RouterState): Record<string, unknown> => ({
  pools: [state.pool.stats()],
  packed: state.isConfigured
    ? { messages: state.rib.packer.messages, bytes: state.rib.packer.bytesPacked, tooLong: state.rib.packer.tooLong }
    : { messages: 0, bytes: 0, tooLong: 0 },
  ...(state.isConfigured ? passThrough(state) : {}),
  attributes: state.isConfigured
    ? { sets: state.rib.store.count, bytes: state.rib.store.sizeBytes }
    : { sets: 0, bytes: 0 },
  connections: [...state.connections.values()].map(({ conn, peer, unsentBytes }) => ({
    conn,
    peer: peerName(state, peer),
    unsentBytes
  }))
})

const health = (state: RouterState): Record<string, unknown> => {
  const peers = state.peers.filter((peer) => peer !== undefined)
  const up = peers.filter((peer) => peer.established !== 0).length
  const { connectionsRefused, refusedUnknownPeer, refusedRangeFull, refusedTooManyPeers, refusedByPeer } =
    state.counters
  return {
    status: state.stopping ? "stopping" : "ok",
    startedAt: isoTime(state.startedAt),
    now: isoTime(state.now),
    peers: {
      configured: peers.filter(({ range }) => range === undefined).length,
      dynamic: peers.filter(({ range }) => range !== undefined).length,
      established: up
    },
    refused: {
      unknownPeer: refusedUnknownPeer,
      rangeFull: refusedRangeFull,
      tooManyPeers: refusedTooManyPeers,
      byPeer: refusedByPeer,
      superseded: state.counters.supersededSilent,
      openTimeout: state.counters.openTimeouts,
      stopping: connectionsRefused - refusedUnknownPeer - refusedRangeFull - refusedTooManyPeers - refusedByPeer
    },
    prefixes: state.isConfigured ? state.rib.tables.slice(0, 2).map((table) => table.prefixes.count) : [0, 0],
    carried: state.isConfigured ? carriedCounts(state) : {},
    paths: state.isConfigured ? state.rib.adjIn.paths.count : 0,
    nextHops: state.isConfigured ? state.rib.store.nextHops.addresses.length : 0,
    counters: { ...state.counters }
  }
}

/** Routes of the families that are carried, where there are any. */
const carriedCounts = (state: RouterState): Record<string, number> =>
  Object.fromEntries(
    state.rib.tables
      .filter(({ prefixes }) => !isRouted(prefixes.family) && prefixes.count > 0)
      .map(({ prefixes }) => [FAMILY_NAMES[prefixes.family], prefixes.count])
  )

/** Whether a text names a peer, a prefix or neither; for clear errors at the edge. */
export const kindOfText = (text: string): "address" | "prefix" | "neither" =>
  parseAddress(text) !== undefined ? "address" : parsePrefix(text) !== undefined ? "prefix" : "neither"
