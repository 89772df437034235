// How a peer is told the table where a test is not about that: an external IPv4 peer that takes everything.
import { type ExportParameters, NO_ROLE, PeerKind } from "../../src/rib/index.ts"

export const exportParameters = (rest: Partial<ExportParameters> = {}): ExportParameters => ({
  family: 0,
  kind: PeerKind.External,
  localAs: 65000,
  routerAs: 0,
  overriddenAs: 0,
  role: NO_ROLE,
  longLived: false,
  extendedNextHop: false,
  clusterId: 1,
  as4: true,
  messageBytesMax: 4096,
  addPathSend: 0,
  nextHopSelf: [0x0a000001],
  open: true,
  ...rest
})

/** A client of a route server. */
export const clientParameters = (rest: Partial<ExportParameters> = {}): ExportParameters =>
  exportParameters({ kind: PeerKind.RouteServerClient, ...rest })
