// api: the daemon's face. HTTP and JSON over the control socket and loopback TCP, metrics, and the looking glass. It reaches the
// router only through DaemonPort and adds nothing to what the router answers.

export {
  type CommandResult,
  DaemonPort,
  type DaemonPortService,
  isTable,
  NotFound,
  QUERY_NAMES,
  type QueryName,
  type QueryParams
} from "./daemon-port.ts"
export { PEER_ACTIONS, type PeerAction } from "./http-api.ts"
export { canonicalAddress, canonicalPrefix, normaliseParams, PARAMETERS, type Parameter } from "./questions.ts"
export { portOf, serveDaemon } from "./serve-daemon.ts"
export { type ApiAddresses, ApiError, type ApiOptions, serveApi } from "./server.ts"
