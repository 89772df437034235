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

/** Files of PEM, as absolute paths or relative to where the daemon runs. */
export interface TlsFiles {
  readonly certificate: string
  readonly key: string
  readonly authority: string
  /** What the other side's certificate must say, either of the two; empty: not asked. */
  readonly commonName: string
  readonly uri: string
}

export interface FanoutServeSettings {
  readonly listen: ReadonlyArray<string>
  readonly tls: TlsFiles | undefined
  /** Only what the file says; the rest is the server's default. Milliseconds. */
  readonly timers: Readonly<Record<string, number>>
  readonly streams: ReadonlyArray<string>
  readonly compression: boolean
  /** Clients past this are let go; see `connectionLimit`. Undefined: no limit. */
  readonly limit:
    | {
        readonly hubs: number
        readonly nodes: number
        readonly streams: number
        readonly lower: number
        readonly upper: number
      }
    | undefined
}

export interface FanoutFollowSettings {
  readonly hubs: ReadonlyArray<{ readonly host: string; readonly port: number; readonly isLocal: boolean }>
  readonly tls: TlsFiles | undefined
  readonly compression: boolean
  readonly stream: string
  /** 0: never. */
  readonly staleAfterMs: number
  readonly withdrawStale: boolean
}

export interface FanoutStoreSettings {
  readonly endpoints: ReadonlyArray<string>
  readonly name: string
  readonly publish: boolean
  readonly serve: boolean
  /** Prefixes of keys that are passed on to followers as they are. */
  readonly pass: ReadonlyArray<string>
  readonly leaseS: number
  readonly tls: { readonly certificate: string; readonly key: string; readonly authority: string } | undefined
}

export interface FanoutSettings {
  readonly serve: FanoutServeSettings | undefined
  readonly follow: FanoutFollowSettings | undefined
  readonly store: FanoutStoreSettings | undefined
}

export interface DaemonSettings {
  /** Absent: no followers, and nobody followed. */
  readonly fanout?: FanoutSettings
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
