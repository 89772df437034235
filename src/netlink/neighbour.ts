// Requests about neighbours as rtnetlink bytes, in the attribute order of iproute2.
import { NeighbourAttribute, NetlinkFlag, NetlinkType } from "./numbers.ts"
import { addressFamily } from "./request.ts"
import type { NetlinkWriter } from "./writer.ts"

/** ndm_state (NUD_*): what the kernel believes of a neighbour. */
export const NeighbourState = {
  Incomplete: 0x01,
  Reachable: 0x02,
  Stale: 0x04,
  Delay: 0x08,
  Probe: 0x10,
  Failed: 0x20,
  NoArp: 0x40,
  Permanent: 0x80
} as const

export interface NeighbourDeleteRequest {
  readonly seq: number
  readonly flags: number
  readonly family: 4 | 6
  readonly words: ArrayLike<number>
  readonly ifindex: number
}

export interface NeighbourRequest extends NeighbourDeleteRequest {
  /** NeighbourState. */
  readonly state: number
  readonly linkLayerAddress: ArrayLike<number>
  /** 0: not named. */
  readonly protocol?: number
}

/** Says under which link-layer address a neighbour is to be had. */
export const putNeighbour = (w: NetlinkWriter, r: NeighbourRequest): void => {
  const start = begin(w, NetlinkType.NewNeighbour, r, r.state)
  if ((r.protocol ?? 0) !== 0) w.attribute8(NeighbourAttribute.Protocol, r.protocol!)
  w.attributeWords(NeighbourAttribute.Destination, r.words, 0, r.words.length)
  w.attributeBytes(NeighbourAttribute.LinkLayerAddress, r.linkLayerAddress)
  w.end(start)
}

/** Forgets a neighbour. The state is what iproute2 sends; the kernel does not look at it. */
export const putNeighbourDelete = (w: NetlinkWriter, r: NeighbourDeleteRequest): void => {
  const start = begin(w, NetlinkType.DelNeighbour, r, NeighbourState.Permanent)
  w.attributeWords(NeighbourAttribute.Destination, r.words, 0, r.words.length)
  w.end(start)
}

const begin = (w: NetlinkWriter, type: number, r: NeighbourDeleteRequest, state: number): number => {
  const start = w.begin(type, r.flags | NetlinkFlag.Request, r.seq, 0)
  w.u32(addressFamily(r.family))
  w.u32(r.ifindex)
  w.u32(state)
  return start
}
