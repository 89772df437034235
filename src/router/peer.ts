// A configured peer as the router holds it: its configuration, the state of its session machine, and what users ask about.
import type { ConnId } from "../eventlog/index.ts"
import type { Micros } from "../machine/index.ts"
import type { Negotiated, Peer, PeerSettings } from "../session/index.ts"
import type { Address } from "../wire/index.ts"
import type { PeerConfig } from "./config.ts"
import type { LastConnectError, LastNotification } from "./last-words.ts"
import type { Retention } from "./restart.ts"

export interface RouterPeer {
  /** Column index in the RIB; 1 or more. */
  readonly index: number
  readonly address: Address
  /** The range that made it a peer; `undefined`: the configuration names it. */
  readonly range: string | undefined
  config: PeerConfig
  settings: PeerSettings
  /** The session machine's state. */
  machine: Peer
  /** The connection that carries the Established session; 0: none. */
  established: ConnId
  /** When the state shown last changed. */
  since: Micros
  /** Why the last session, or the last try in which something was said, ended; a session that comes up clears it. */
  lastError: string
  /** The last that ended a connection of the peer, whatever came after it. */
  lastNotification: LastNotification | undefined
  /** Why the last dial or connection came to nothing without a word; a session that comes up clears it. */
  lastConnectError: LastConnectError | undefined
  readonly messages: { in: number; out: number }
  /** RFC 7606 findings: attributes discarded, messages treated as withdraw. */
  readonly findings: { discarded: number; treatedAsWithdraw: number; last: string }
  /** What its last session agreed on: by that its routes are judged, also as long as they stay without one. */
  agreed: Negotiated | undefined
  endOfRib: Array<boolean>
  /** By family: stale paths of an earlier session are kept; see restart.ts. */
  readonly retention: Array<Retention | undefined>
  /** By family: it is telling its table again (RFC 7313). */
  readonly refreshing: Array<boolean>
  /** By family: it is above the threshold of its prefix limit, and that was said. */
  readonly warned: Array<boolean>
}
