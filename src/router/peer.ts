// A configured peer as the router holds it: its configuration, the state of its session machine, and what users ask about.
import { type ConnId } from "../eventlog/index.ts"
import type { Micros } from "../machine/index.ts"
import type { Peer, PeerSettings } from "../session/index.ts"
import type { Address } from "../wire/index.ts"
import type { PeerConfig } from "./config.ts"

export interface RouterPeer {
  /** Column index in the RIB; 1 or more. */
  readonly index: number
  readonly address: Address
  config: PeerConfig
  settings: PeerSettings
  /** The session machine's state. */
  machine: Peer
  /** The connection that carries the Established session; 0: none. */
  established: ConnId
  /** When the state shown last changed. */
  since: Micros
  lastError: string
  readonly messages: { in: number; out: number }
  /** RFC 7606 findings: attributes discarded, messages treated as withdraw. */
  readonly findings: { discarded: number; treatedAsWithdraw: number; last: string }
  endOfRib: [boolean, boolean]
}
