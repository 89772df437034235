// The dumb half of the oracle for what each peer is told: plain lists of paths that are sorted afresh for every peer and every prefix,
// and receivers that read the bytes on their own. Nothing here is shared with the program but the decoding of attributes' places.
import { PeerKind } from "../../src/rib/index.ts"
import { scanUpdate, UpdateView } from "../../src/wire/index.ts"

export const LOCAL_AS = 65000
export const ALL = 0xffff

export interface ModelPeer {
  readonly index: number
  readonly kind: PeerKind
  readonly asn: number
  /** 0: one path without identifier. */
  readonly addPath: number
}

const { External, Internal, ReflectorClient, RouteServerClient } = PeerKind
export const PEERS: ReadonlyArray<ModelPeer> = [
  { index: 1, kind: RouteServerClient, asn: 64501, addPath: 0 },
  { index: 2, kind: RouteServerClient, asn: 64502, addPath: 0 },
  { index: 3, kind: RouteServerClient, asn: 64503, addPath: 0 },
  { index: 4, kind: RouteServerClient, asn: 64503, addPath: 0 },
  { index: 5, kind: RouteServerClient, asn: 64504, addPath: ALL },
  { index: 6, kind: RouteServerClient, asn: 64505, addPath: 2 },
  { index: 7, kind: RouteServerClient, asn: 64506, addPath: 2 },
  { index: 8, kind: ReflectorClient, asn: LOCAL_AS, addPath: 0 },
  { index: 9, kind: ReflectorClient, asn: LOCAL_AS, addPath: 2 },
  { index: 10, kind: Internal, asn: LOCAL_AS, addPath: ALL },
  { index: 11, kind: External, asn: 64510, addPath: 0 },
  { index: 12, kind: External, asn: 64511, addPath: 2 }
]

/** More clients of the route server than there are bits in a word. Every third one is in the AS of a peer above. */
export const CROWD: ReadonlyArray<ModelPeer> = Array.from({ length: 70 }, (_, at) => ({
  index: PEERS.length + 1 + at,
  kind: RouteServerClient,
  asn: at % 3 === 0 ? 64501 + (at % 5) : 64600 + at,
  addPath: 0
}))

export const peerAt = (index: number): ModelPeer => [...PEERS, ...CROWD][index - 1]

export const isOutside = (peer: ModelPeer): boolean => peer.kind === External || peer.kind === RouteServerClient

export interface ModelRoute {
  readonly path: ReadonlyArray<number>
  readonly med: number
  readonly localPref: number
  readonly noExport: boolean
}

/** A path as a peer told it, under its own identifier. */
export interface ModelPath {
  readonly peer: ModelPeer
  readonly prefix: number
  readonly pathId: number
  readonly route: ModelRoute
}

const localPrefOf = ({ peer, route }: ModelPath): number => (isOutside(peer) ? 100 : route.localPref)

/** RFC 4271 §9.1.2.2 by the book: remove, remove, remove. */
const bestOf = (candidates: ReadonlyArray<ModelPath>): ModelPath | undefined => {
  let left = [...candidates]
  const keepLowest = (key: (path: ModelPath) => number): void => {
    const lowest = Math.min(...left.map(key))
    left = left.filter((path) => key(path) === lowest)
  }
  keepLowest((path) => -localPrefOf(path))
  keepLowest(({ route }) => route.path.length)
  const neighbour = ({ route }: ModelPath): number => route.path[0] ?? 0
  left = left.filter(
    (path) => !left.some((rival) => neighbour(rival) === neighbour(path) && rival.route.med < path.route.med)
  )
  keepLowest(({ peer }) => (isOutside(peer) ? 0 : 1))
  keepLowest(({ peer }) => peer.index)
  keepLowest(({ pathId }) => pathId)
  return left[0]
}

const mayHear = (to: ModelPeer, { peer: from, route }: ModelPath): boolean => {
  if (to === from) return false
  if (isOutside(to)) return !route.noExport
  return isOutside(from) || from.kind === ReflectorClient || to.kind === ReflectorClient
}

const wouldLoop = (to: ModelPeer, { route }: ModelPath): boolean =>
  to.kind === RouteServerClient && route.path.includes(to.asn)

/** What a peer is to hold of a prefix: RFC 7947 §2.3 for clients of the route server, RFC 7911 for several paths. */
export const expectedFor = (to: ModelPeer, paths: ReadonlyArray<ModelPath>): ReadonlyArray<ModelPath> => {
  const eligible = paths.filter(({ route }) => !route.path.includes(LOCAL_AS))
  if (to.kind !== RouteServerClient && to.addPath === 0) {
    const best = bestOf(eligible)
    return best !== undefined && mayHear(to, best) ? [best] : []
  }
  let left = eligible.filter((path) => mayHear(to, path) && !wouldLoop(to, path))
  const chosen: Array<ModelPath> = []
  for (let count = Math.max(1, to.addPath); count > 0 && left.length > 0; count--) {
    const best = bestOf(left)!
    chosen.push(best)
    left = left.filter((path) => path !== best)
  }
  return chosen
}

/** They repeat MED and LOCAL_PREF, so that routes which differ in anything differ for everybody who hears of them. */
export const communitiesOf = (peer: ModelPeer, { med, localPref, noExport }: ModelRoute): Array<number> => [
  1000 + med,
  (isOutside(peer) ? 2000 : 3000) + localPref,
  ...(noExport ? [0xffffff01] : [])
]

const word = (value: number): Array<number> => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]

/** A path as the bytes say it: AS_PATH, MED, LOCAL_PREF, ORIGINATOR_ID, COMMUNITIES. */
export const textFor = (to: ModelPeer, path: ModelPath): string => {
  const { peer: from, route } = path
  const members = to.kind === External ? [LOCAL_AS, ...route.path] : route.path
  const asPath = members.length === 0 ? [] : [2, members.length, ...members.flatMap(word)]
  const med = to.kind === External ? [] : word(route.med)
  const localPref = isOutside(to) ? [] : word(localPrefOf(path))
  const originator = isOutside(to) || isOutside(from) ? [] : word(from.index)
  return JSON.stringify([asPath, med, localPref, originator, communitiesOf(from, route).flatMap(word)])
}

/** A peer: applies every message, and notices what it should not have been sent. */
export class Receiver {
  /** By `prefix/length#identifier`. */
  readonly held = new Map<string, string>()
  readonly faults: Array<string> = []
  messages = 0
  endsOfRib = 0
  /** Since the last look the peer may have been told again what it held. */
  repeats = false
  private readonly peer: ModelPeer
  private readonly view = new UpdateView()

  constructor(peer: ModelPeer) {
    this.peer = peer
  }

  apply(bytes: Uint8Array): void {
    const addPath = this.peer.addPath > 0
    const { view } = this
    for (let at = 0; at < bytes.length; ) {
      const length = (bytes[at + 16] << 8) | bytes[at + 17]
      const context = {
        as4: true,
        addPath: [addPath, false] as [boolean, boolean],
        external: isOutside(this.peer),
        extended: false
      }
      if (bytes[at + 18] === 2) {
        const verdict = scanUpdate(view, bytes, at, length, context)
        if (verdict !== 0) this.faults.push(`verdict ${verdict}`)
        this.take(bytes)
      }
      at += length
    }
  }

  private take(bytes: Uint8Array): void {
    const { view } = this
    this.messages++
    if (view.endOfRib >= 0) this.endsOfRib++
    const value = (type: number): Array<number> =>
      view.valueAt[type] < 0 ? [] : [...bytes.slice(view.valueAt[type], view.valueAt[type] + view.valueLength[type])]
    for (const key of this.keys(bytes, view.withdrawnAt, view.withdrawnEnd)) {
      if (!this.held.delete(key)) this.faults.push(`withdrawal of ${key}, which is not held`)
    }
    const said = JSON.stringify([value(2), value(4), value(5), value(9), value(8)])
    for (const key of this.keys(bytes, view.nlriAt, view.nlriEnd)) {
      if (!this.repeats && this.held.get(key) === said) this.faults.push(`${key} told twice`)
      this.held.set(key, said)
    }
  }

  private keys(bytes: Uint8Array, from: number, to: number): Array<string> {
    const keys: Array<string> = []
    for (let at = from; at < to; ) {
      let pathId = 0
      if (this.peer.addPath > 0) {
        pathId = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0)
        at += 4
      }
      keys.push(`${bytes[at + 1]}/${bytes[at]}#${pathId}`)
      at += 1 + Math.ceil(bytes[at] / 8)
    }
    return keys
  }
}
