// BGP roles (RFC 9234 §4): what two external peers are to each other, agreed on when the session opens, so that a wrong policy cannot leak
// routes unseen. The agreed value is what marks and filters with ONLY_TO_CUSTOMER (§5); that is the RIB's.
import { RoleValue } from "../wire/index.ts"
import type { PeerRole } from "./settings.ts"

export interface RoleAgreement {
  /** Values of the wire: see `RoleValue`. */
  readonly own: number
  readonly remote: number
  /** The peer said so itself; false: it says nothing of roles, and we take it for the counterpart of ours (RFC 9234 §4.2). */
  readonly announced: boolean
}

export const roleValueOf = (role: PeerRole): number => VALUES[role]

/** The agreement, `mismatch` for 2/11, or `undefined` where no role is configured or the peer is internal. */
export const agreeOnRole = (
  settings: { readonly role?: PeerRole; readonly roleStrict?: boolean },
  external: boolean,
  announced: ReadonlyArray<number>
): RoleAgreement | "mismatch" | undefined => {
  if (settings.role === undefined || !external) return undefined
  const own = VALUES[settings.role]
  const remote = COUNTERPARTS[own]
  if (announced.length === 0) return settings.roleStrict === true ? "mismatch" : { own, remote, announced: false }
  // The same role twice is one role; two different ones are a mismatch whatever they are.
  return announced.every((role) => role === remote) ? { own, remote, announced: true } : "mismatch"
}

const VALUES: Readonly<Record<PeerRole, number>> = {
  provider: RoleValue.Provider,
  rs: RoleValue.RouteServer,
  "rs-client": RoleValue.RouteServerClient,
  customer: RoleValue.Customer,
  peer: RoleValue.Peer
}

/** By own role: the only one that the peer may have (RFC 9234 §4.2, table 2). */
const COUNTERPARTS: ReadonlyArray<number> = [
  RoleValue.Customer,
  RoleValue.RouteServerClient,
  RoleValue.RouteServer,
  RoleValue.Provider,
  RoleValue.Peer
]
