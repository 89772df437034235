// A peer that asks for nothing special, for configurations that are made in code: the demo's and the warm-up's.
import type { PeerConfig } from "../router/index.ts"

export const PLAIN_PEER = {
  enabled: true,
  families: ["ipv4-unicast"],
  addPath: { receive: false, send: 0 },
  extendedMessage: false,
  password: "",
  ttlSecurity: false,
  multihop: 0,
  policyOpen: true,
  maxPrefixes: 0
} as const satisfies Partial<PeerConfig>
