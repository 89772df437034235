// Two speakers and the connections between them as one value, so that every order in which things can arrive is walked: each step
// delivers the first thing that waits on one connection at one end. Time stands still; what the timers would do is not part of it.
import {
  type Connection,
  createPeer,
  type Peer,
  type PeerEffect,
  type PeerEvent,
  type PeerSettings,
  peerStateName,
  reducePeer
} from "../../src/session/index.ts"

export type End = 0 | 1

/** A connection: its number at either end, what is on its way to each end, and which end has closed it. */
export interface Link {
  readonly begunBy: End
  readonly ends: readonly [number, number]
  readonly queues: readonly [ReadonlyArray<PeerEvent>, ReadonlyArray<PeerEvent>]
  readonly closed: readonly [boolean, boolean]
}

export interface Speakers {
  readonly peers: readonly [Peer, Peer]
  readonly links: ReadonlyArray<Link>
  /** What the operators will still do, in order. */
  readonly operators: readonly [ReadonlyArray<PeerEvent>, ReadonlyArray<PeerEvent>]
}

export const speakers = (settings: readonly [PeerSettings, PeerSettings]): Speakers => ({
  peers: [
    createPeer(settings[0], { firstConn: 0x1_0000, seed: 1 }),
    createPeer(settings[1], { firstConn: 0x2_0000, seed: 2 })
  ],
  links: [],
  operators: [[{ _tag: "Enabled" }], [{ _tag: "Enabled" }]]
})

/** Gives one end an event and puts what it answers on the way. */
export const give = (world: Speakers, end: End, event: PeerEvent): Speakers => {
  const [peer, effects] = reducePeer(world.peers[end], event)
  return effects.reduce((after, effect) => perform(after, end, effect), {
    ...world,
    peers: replaced(world.peers, end, peer)
  })
}

/** Every world that may come next. None: all is at rest. */
export const successors = (world: Speakers): ReadonlyArray<Speakers> => {
  const operated = ENDS.filter((end) => world.operators[end].length > 0).map((end) => {
    const [event, ...rest] = world.operators[end]
    return give({ ...world, operators: replaced(world.operators, end, rest) }, end, event!)
  })
  const delivered = world.links.flatMap((link, at) =>
    ENDS.filter((end) => link.queues[end].length > 0).map((end) => deliver(world, at, end))
  )
  return [...operated, ...delivered]
}

/** Every world in which all is at rest, whatever the order, and how many worlds there are on the way. */
export const outcomes = (from: Speakers): { readonly atRest: ReadonlyArray<Speakers>; readonly worlds: number } => {
  const seen = new Set([keyOf(from)])
  const atRest: Array<Speakers> = []
  const waiting = [from]
  for (let world = waiting.pop(); world !== undefined; world = waiting.pop()) {
    const next = successors(world)
    if (next.length === 0) atRest.push(world)
    for (const one of next) {
      const key = keyOf(one)
      if (!seen.has(key)) waiting.push(one)
      seen.add(key)
    }
  }
  return { atRest, worlds: seen.size }
}

/** The connections that neither end has closed. */
export const openLinks = (world: Speakers): ReadonlyArray<Link> =>
  world.links.filter(({ closed }) => !closed[0] && !closed[1])

/** In a word: `one begun by 1`, or what is wrong with it. */
export const verdictOf = (world: Speakers): string => {
  const open = openLinks(world)
  const states = world.peers.map(peerStateName)
  if (open.length === 0) return `none: ${states.join(", ")}`
  if (open.length > 1) return `${open.length} open`
  const [link] = open
  const agreed = ENDS.every((end) => world.peers[end].main.conn === link!.ends[end] && !world.peers[end].second)
  return agreed && states.every((state) => state === "Established")
    ? `one begun by ${link!.begunBy}`
    : `one, but ${states.join(", ")}`
}

const ENDS = [0, 1] as const

const deliver = (world: Speakers, at: number, end: End): Speakers => {
  const link = world.links[at]!
  const [event, ...rest] = link.queues[end]
  const taken: Link = {
    ...link,
    queues: replaced(link.queues, end, rest),
    closed: event!._tag === "Closed" ? replaced(link.closed, end, true) : link.closed
  }
  const after = { ...world, links: world.links.with(at, taken) }
  return link.closed[end] ? after : give(after, end, event!)
}

const perform = (world: Speakers, end: End, effect: PeerEffect): Speakers => {
  switch (effect._tag) {
    case "Dial":
      return dial(world, end, effect.conn)
    case "SendOpen":
      return send(world, end, effect.conn, (conn) => ({ _tag: "OpenReceived", conn, open: effect.open }))
    case "SendKeepalive":
      return send(world, end, effect.conn, (conn) => ({ _tag: "KeepaliveReceived", conn }))
    case "SendNotification":
      return send(world, end, effect.conn, (conn) => ({ _tag: "NotificationReceived", conn, fault: effect.fault }))
    case "Close": {
      const told = send(world, end, effect.conn, (conn) => ({ _tag: "Closed", conn, cause: "" }))
      const links = told.links.map((link) =>
        link.ends[end] === effect.conn
          ? { ...link, closed: replaced(link.closed, end, true), queues: replaced(link.queues, end, []) }
          : link
      )
      return { ...told, links }
    }
    default:
      return world
  }
}

export const dial = (world: Speakers, from: End, conn: number): Speakers => {
  const accepted = 0x8000_0000 + world.links.length
  const to: End = from === 0 ? 1 : 0
  const queues = replaced<ReadonlyArray<PeerEvent>>([[], []], from, [{ _tag: "Dialled", conn }])
  const link: Link = {
    begunBy: from,
    ends: from === 0 ? [conn, accepted] : [accepted, conn],
    queues: replaced(queues, to, [{ _tag: "Accepted", conn: accepted }]),
    closed: [false, false]
  }
  return { ...world, links: [...world.links, link] }
}

const send = (world: Speakers, from: End, conn: number, event: (conn: number) => PeerEvent): Speakers => {
  const to: End = from === 0 ? 1 : 0
  const at = world.links.findIndex(({ ends, closed }) => ends[from] === conn && !closed[from])
  const link = world.links[at]
  if (link === undefined || link.closed[to]) return world
  const queued = { ...link, queues: replaced(link.queues, to, [...link.queues[to], event(link.ends[to])]) }
  return { ...world, links: world.links.with(at, queued) }
}

const replaced = <A>(pair: readonly [A, A], end: End, value: A): readonly [A, A] =>
  end === 0 ? [value, pair[1]] : [pair[0], value]

/** What makes a difference to what comes next. The seed, the counts and the words do not. */
const keyOf = ({ peers, links, operators }: Speakers): string =>
  JSON.stringify([
    peers.map(({ main, second }) => [connectionKey(main), second && connectionKey(second)]),
    links.map(({ ends, queues, closed }) => [ends, queues.map((queue) => queue.map(eventKey)), closed]),
    operators
  ])

const connectionKey = ({ state, conn, initiator, armed, negotiated, announced, settings }: Connection): string =>
  [state, conn, initiator, armed, negotiated !== undefined, announced !== undefined, settings.delayOpenS].join("/")

const eventKey = (event: PeerEvent): string =>
  event._tag === "NotificationReceived" ? `${event.fault.code}/${event.fault.subcode}` : event._tag
