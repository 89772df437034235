// How much a peer may tell us. A warning comes once each time its count crosses the threshold; past the limit the session machine ends
// the session and decides when to try again (RFC 4486 §4). What counts is what the peer has told on this session: routes that we keep for
// it over a restart or a refresh it has not said, and a table that came back changed must not count twice.
import type { OpBuffer } from "../machine/index.ts"
import { FAMILIES_ALL, FAMILY_NAMES, type Family } from "../wire/index.ts"
import type { RouterPeer } from "./peer.ts"
import type { RouterState } from "./state.ts"

/** The family in which the peer exceeds its limit, or -1. */
export const exceededFamily = (state: RouterState, peer: RouterPeer, out: OpBuffer): Family | -1 => {
  const { maxPrefixes: limit, prefixWarningPercent = 0 } = peer.config
  for (const family of FAMILIES_ALL) {
    const count = state.rib.adjIn.peers.told[family][peer.index]
    if (count > limit) return family
    if (prefixWarningPercent > 0) warn(state, peer, family, count, (limit * prefixWarningPercent) / 100, out)
  }
  return -1
}

const warn = (
  state: RouterState,
  peer: RouterPeer,
  family: Family,
  count: number,
  threshold: number,
  out: OpBuffer
): void => {
  const isAbove = count >= threshold
  if (isAbove === peer.warned[family]) return
  peer.warned[family] = isAbove
  if (!isAbove) return
  const { address, maxPrefixes, prefixWarningPercent } = peer.config
  const message =
    `${address} has told ${count} ${FAMILY_NAMES[family]} prefixes, ` +
    `over ${prefixWarningPercent} % of the ${maxPrefixes} that it may`
  state.notice({ kind: "prefix-warning", level: "warning", peer: address, message }, out)
}
