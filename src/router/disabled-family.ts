// A family that is not listened to any more, because its routes could not be read (RFC 4760 §7, RFC 7606 §2 "AFI/SAFI disable"): what the
// peer had told of it goes, what it tells of it is passed over, and the session lives on for the other families until it ends.
import type { OpBuffer } from "../machine/index.ts"
import { FAMILY_NAMES, type Family } from "../wire/index.ts"
import type { Session } from "./connection.ts"
import type { RouterPeer } from "./peer.ts"
import { refreshForgotten } from "./refresh.ts"
import { familySynchronised } from "./restart.ts"
import type { RouterState } from "./state.ts"

/** The families whose routes count. */
export const listensTo = ({ negotiated, disabled }: Session): ReadonlyArray<number> =>
  disabled === 0 ? negotiated.families : negotiated.families.filter((family) => ((disabled >>> family) & 1) === 0)

/** A message about this family could not be read. */
export const familyDisabled = (
  state: RouterState,
  peer: RouterPeer,
  session: Session,
  family: Family,
  out: OpBuffer
): void => {
  if (!listensTo(session).includes(family)) return
  session.disabled |= 1 << family
  // Nobody waits for the rest of its table, over a restart or a refresh.
  peer.endOfRib[family] = true
  familySynchronised(state, peer, family, out)
  refreshForgotten(state, peer, family, out)
  state.rib.refreshBegan(peer.index, family)
  state.rib.expire(peer.index, family)
  const { address } = peer.config
  const message = `${address}: ${FAMILY_NAMES[family]} is not listened to until the next session (${peer.findings.last})`
  state.notice({ kind: "family-disabled", level: "error", peer: address, message }, out)
}
