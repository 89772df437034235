// Everything the router holds. One machine, one state: peers and their connections, the RIB, the forwarding side, timers. Batches are
// its only input, operations in an OpBuffer (and bytes in blocks of the pool) its only output.
import { BlockPool, type Lease } from "../buffers/index.ts"
import type { ConnId } from "../eventlog/index.ts"
import { assert, fold, hashJson, type Micros, type OpBuffer, type Seed } from "../machine/index.ts"
import { Rib } from "../rib/index.ts"
import { digestPeer } from "../session/index.ts"
import { FAMILIES_ALL, parseAddress, UpdateView } from "../wire/index.ts"
import { clusterIdsOf } from "./agreement.ts"
import { keepEntries } from "./best-paths.ts"
import type { OriginatedRoute, RouterConfig } from "./config.ts"
import type { Connection } from "./connection.ts"
import { routerEffects, span } from "./effects.ts"
import { FollowedRoutes } from "./followed.ts"
import { createForwarding, type Forwarding } from "./forwarding.ts"
import type { RouterPeer } from "./peer.ts"
import type { PublishedRoute } from "./publish.ts"
import { ReceivedChunk } from "./received.ts"
import { SharedNextHops } from "./shared-next-hops.ts"
import { Timers } from "./timers.ts"

/** Blocks hold many messages for many receivers; 64 KiB is what a span can name. */
const BLOCK_BYTES = 65536
/** Prefixes that the tables have room for at first, unless told otherwise; they double. */
const CAPACITY = 4096

export interface RouterOptions {
  /** Freed blocks are overwritten and watched. What the router does is the same. */
  readonly verify?: boolean
  /** Prefixes that the tables are promised room for: what is not used costs nothing. */
  readonly capacity?: number
}

/** What somebody may want to know: `kind` says which, the rest is plain data. */
export interface Notice {
  readonly kind: string
  readonly level: "info" | "warning" | "error"
  readonly message: string
  readonly peer?: string
  readonly details?: Readonly<Record<string, unknown>>
}

export interface Counters {
  batches: number
  records: number
  messagesIn: number
  bytesIn: number
  updatesIn: number
  updatesTreatedAsWithdraw: number
  sessionsUp: number
  sessionsDown: number
  connectionsRefused: number
  /** Of those, by cause; the rest came while we were stopping. */
  refusedUnknownPeer: number
  refusedRangeFull: number
  refusedTooManyPeers: number
  /** By the session machine of a peer that is known. */
  refusedByPeer: number
  /** Closed without an OPEN because the peer connected again; these were not refused. */
  supersededSilent: number
  /** Closed because no OPEN came in time on a connection that the peer began. */
  openTimeouts: number
  staleTimers: number
}

export class RouterState {
  readonly pool: BlockPool
  /** The received bytes that are being learned. */
  readonly chunk: ReceivedChunk
  readonly timers: Timers = new Timers()
  /** By connection; a connection is here from Dial or Accepted until Closed or DialFailed. */
  readonly connections: Map<ConnId, Connection> = new Map()
  /** By peer number; number 0 is ourselves and has no entry. */
  readonly peers: Array<RouterPeer | undefined> = [undefined]
  readonly byAddress: Map<string, number> = new Map()
  /** By peer number: where the next owner of the number goes on numbering its dials. */
  readonly nextConns: Array<number> = []
  /** Our ends of the sessions there have been, which are no next hop for us (RFC 4271 §6.3). */
  readonly ownAddresses: Set<string> = new Set()
  /** Dynamic peers that have lost their last connection. */
  readonly departing: Set<number> = new Set()
  /** Routes announced by configuration and command, by prefix text. */
  readonly originated: Map<string, OriginatedRoute> = new Map()
  readonly counters: Counters = {
    batches: 0,
    records: 0,
    messagesIn: 0,
    bytesIn: 0,
    updatesIn: 0,
    updatesTreatedAsWithdraw: 0,
    sessionsUp: 0,
    sessionsDown: 0,
    connectionsRefused: 0,
    refusedUnknownPeer: 0,
    refusedRangeFull: 0,
    refusedTooManyPeers: 0,
    refusedByPeer: 0,
    supersededSilent: 0,
    openTimeouts: 0,
    staleTimers: 0
  }
  /** Notices of the batch being stepped; cleared when the next one begins. */
  readonly notices: Array<Notice> = []
  /** Best paths that changed in the batch being stepped, where the configuration asks for them; see publish.ts. */
  readonly published: Array<PublishedRoute> = []
  /** A view reused for every UPDATE. */
  readonly update: UpdateView = new UpdateView()
  config: RouterConfig | undefined
  private currentRib: Rib | undefined
  private currentForwarding: Forwarding | undefined
  seed: Seed
  /** Time of the batch being stepped. */
  now: Micros = 0
  startedAt: Micros = 0
  /** Forwarding's number for each of the RIB's next hops, and back. */
  readonly nextHopSets: Array<number> = []
  readonly nextHopOfSet: Map<number, number> = new Map()
  /** Prefixes with several next hops. */
  readonly sharedNextHops: SharedNextHops = new SharedNextHops()
  /** What the hubs that we follow have said. */
  readonly followed: FollowedRoutes = new FollowedRoutes()
  /** Best paths are entries of the forwarding graph; see best-paths.ts. */
  keepsEntries = false
  /** A Quantum was asked for and has not come. */
  quantumWanted = false
  /** Every peer has told its whole table since the start: what the kernel still has from an earlier run may go. */
  initialSyncDone = false
  /** We have just restarted, and tell nobody anything yet; see deferral.ts. */
  restarting = false
  stopping = false
  stopped = false
  /** The block that collects small messages of this batch. */
  private control: Lease = 0
  private controlAt = 0

  private readonly capacity: number

  constructor(seed: Seed, { verify = false, capacity = CAPACITY }: RouterOptions = {}) {
    this.capacity = capacity
    this.pool = new BlockPool(BLOCK_BYTES, "out", { verify })
    this.chunk = new ReceivedChunk(this.pool)
    this.seed = seed
  }

  /** Made with the first configuration; nothing that needs it can happen before. */
  get rib(): Rib {
    assert(this.currentRib !== undefined, "the RIB is used before the router is configured")
    return this.currentRib
  }
  get forwarding(): Forwarding {
    assert(this.currentForwarding !== undefined, "forwarding is used before the router is configured")
    return this.currentForwarding
  }

  get isConfigured(): boolean {
    return this.currentRib !== undefined
  }

  configureOnce(config: RouterConfig): void {
    const id = parseAddress(config.router.id)
    assert(id !== undefined && id.family === 4, "router id is not an IPv4 address")
    const { pool, capacity } = this
    const identity = { confederationAs: config.confederation?.identifier ?? 0, clusterIds: clusterIdsOf(config) }
    this.currentRib = new Rib({
      localAs: config.router.asn,
      localId: id.words[0],
      identity: { ...identity, ...(config.localPreference === undefined ? {} : { localPref: config.localPreference }) },
      pool,
      capacity
    })
    this.keepsEntries ||= config.kernel !== undefined
    const [ipv4, ipv6] = this.currentRib.tables
    this.currentForwarding = createForwarding({
      kernel: config.kernel,
      tables: [ipv4.prefixes, ipv6.prefixes],
      pool,
      capacityHint: capacity,
      seed: this.seed
    })
  }

  notice(notice: Notice, out: OpBuffer): void {
    out.put(routerEffects.code.Notice, this.notices.length)
    this.notices.push(notice)
  }

  /** Sends a small message that is not part of a table: OPEN, KEEPALIVE, NOTIFICATION, ROUTE-REFRESH. */
  sendControl(conn: Connection, message: Uint8Array, out: OpBuffer): void {
    if (this.control === 0 || this.controlAt + message.length > BLOCK_BYTES) {
      this.closeControl()
      this.control = this.pool.acquire("control")
    }
    const from = this.controlAt
    this.pool.bytes(this.control).set(message, from)
    this.controlAt += message.length
    this.pool.retain(this.control)
    out.put(routerEffects.code.Send, conn.conn, this.control, span(from, this.controlAt))
    conn.queue(this.control, message.length)
    const peer = this.peers[conn.peer]
    if (peer !== undefined) peer.messages.out++
  }

  /** Ends the block of small messages; each Send keeps its own hold on it. */
  closeControl(): void {
    if (this.control !== 0) this.pool.release(this.control)
    this.control = 0
    this.controlAt = 0
  }

  peerAt(index: number): RouterPeer {
    const peer = this.peers[index]
    assert(peer !== undefined, "no peer has this number")
    return peer
  }
}

/** A peer with what its restart and its refresh have come to, and which of its paths it has told since they began. */
const peerDigest = (state: RouterState, peer: RouterPeer): number => {
  const { index, machine, established, retention, refreshing, endOfRib, warned } = peer
  const { disabled = 0 } = state.connections.get(established)?.session ?? {}
  const stages = hashJson([established, retention, refreshing, endOfRib, warned, disabled])
  let digest = fold(fold(index, digestPeer(machine)), stages)
  if (!state.isConfigured) return digest
  const { adjIn } = state.rib
  for (const family of FAMILIES_ALL) {
    digest = fold(fold(digest, adjIn.toldDigest(family, index)), adjIn.peers.leftOver[family][index])
  }
  return digest
}

/** 32 bits that agree whenever two routers hold the same. Kept sums, so that it costs nothing to speak of. */
export const stateDigest = (state: RouterState): number => {
  let digest = fold(hashJson(state.config), state.seed)
  digest = fold(digest, hashJson([state.restarting, state.initialSyncDone, state.stopping, [...state.departing]]))
  for (const peer of state.peers) if (peer !== undefined) digest = fold(digest, peerDigest(state, peer))
  for (const { conn, closing, unsentBytes, drainingBytes, carriedBytes } of state.connections.values()) {
    digest = fold(fold(fold(digest, conn), unsentBytes), fold(fold(drainingBytes, carriedBytes), closing ? 1 : 0))
  }
  // A recorded run asks before it is configured: its entries are kept from the start, and so are those of its replays.
  keepEntries(state)
  if (!state.isConfigured) return digest
  if (state.followed.wasInSync || state.followed.count > 0) digest = fold(digest, state.followed.digest())
  return fold(fold(digest, state.rib.digest()), state.forwarding.digest())
}
