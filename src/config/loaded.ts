// What loading a configuration gives: the router's part as the pure rooms take it, and the daemon's own settings, which never reach
// the router and so are no part of a recorded run's inputs.
import type { RouterConfig } from "../router/index.ts"

export interface ApiSettings {
  /** Path of the control socket. */
  readonly socket: string
  /** `address:port` on a loopback address; empty: no TCP. */
  readonly http: string
}

export interface LogSettings {
  readonly directory: string
  /** The oldest files go when the log grows beyond this. */
  readonly keepBytes: number
}

export interface DaemonSettings {
  readonly api: ApiSettings
  /** Absent: nothing is recorded. */
  readonly log: LogSettings | undefined
}

export interface LoadedConfig {
  /** The file it came from, for SIGHUP and messages; empty when it came from text. */
  readonly path: string
  readonly router: RouterConfig
  readonly daemon: DaemonSettings
  /** Sentences about what is allowed and probably not meant. */
  readonly warnings: ReadonlyArray<string>
}
