// Other people's BGP daemons behind one face, each driven with its own tools. A daemon runs in the far namespace with one neighbour,
// us; it accepts and announces everything.

import type { ProgramName } from "./available.ts"
import type { InteropLab } from "./interop-lab.ts"
import { birdDriver } from "./router-daemons-bird.ts"
import { exabgpDriver } from "./router-daemons-exabgp.ts"
import { frrDriver } from "./router-daemons-frr.ts"
import { gobgpDriver } from "./router-daemons-gobgp.ts"
import { openbgpdDriver } from "./router-daemons-openbgpd.ts"

export interface RouterSettings {
  /** They wait for us to connect. */
  readonly passive: boolean
  readonly holdTimeS: number
  /** What they announce from the start. */
  readonly announced: ReadonlyArray<string>
}

export interface RouterDaemon {
  readonly start: () => Promise<void>
  /** Ends it without a word, as a crash does. */
  readonly crash: () => Promise<void>
  /** Stops and continues its processes: a daemon that is silent while its connection stays. */
  readonly freeze: () => void
  readonly thaw: () => Promise<void>
  /** Makes it take us again at once, where it would wait by itself first. */
  readonly hurry: () => Promise<void>
  /** Whether it says that the session with us is up. */
  readonly isEstablished: () => Promise<boolean>
  /** The prefixes that it has from us. */
  readonly received: () => Promise<ReadonlySet<string>>
  readonly announce: (prefixes: ReadonlyArray<string>) => Promise<void>
  readonly withdraw: (prefixes: ReadonlyArray<string>) => Promise<void>
  /** Takes the session down with a NOTIFICATION (Cease), and up again. */
  readonly shutSession: () => Promise<void>
  readonly openSession: () => Promise<void>
}

export interface RouterDriver {
  readonly name: ProgramName
  readonly create: (lab: InteropLab, settings: RouterSettings) => RouterDaemon
}

export const DRIVERS = {
  bird: birdDriver,
  frr: frrDriver,
  gobgp: gobgpDriver,
  openbgpd: openbgpdDriver,
  exabgp: exabgpDriver
} as const satisfies Readonly<Record<string, RouterDriver>>
