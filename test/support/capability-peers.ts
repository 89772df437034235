// What a capability check asks of somebody else's daemon, whichever it is.
import type { ProgramName } from "./available.ts"
import type { FeatureId } from "./capability-features.ts"
import type { FamilyName, LabSession } from "./capability-sessions.ts"
import type { InteropLab } from "./interop-lab.ts"

export interface CapabilityPeer {
  readonly start: () => Promise<void>
  /** Ends it without a word, as a crash does. */
  readonly crash: () => Promise<void>
  /** What it announces from its next start on, in both families, without these. */
  readonly forget: (prefixes: ReadonlyArray<string>) => void
  /** Makes it take us again at once, where it would wait by itself first. */
  readonly hurry: (session: LabSession) => Promise<void>
  readonly isEstablished: (session: LabSession) => Promise<boolean>
  /** Prefixes that it has from us in this session, also those that it keeps over a restart. */
  readonly received: (session: LabSession, family: FamilyName) => Promise<ReadonlySet<string>>
  /** What it shows of a route that it has from us in this session. */
  readonly attributes: (session: LabSession, prefix: string) => Promise<string>
  /** Whether it has read where a table told again began and where it ended (RFC 7313). */
  readonly heardMarks: (session: LabSession) => Promise<boolean>
  /** Ends the session with a NOTIFICATION, over which routes are kept, or with a Hard Reset (RFC 8538). */
  readonly reset: (session: LabSession, isHard: boolean) => Promise<void>
  /** Asks us to send everything again. */
  readonly askRefresh: (session: LabSession) => Promise<void>
  /** Ends the session with a text for us (RFC 9003). Gives the text: some have one of their own and take none. */
  readonly shut: (session: LabSession, text: string) => Promise<string>
  readonly reopen: (session: LabSession) => Promise<void>
  /** Whatever it has written down: a text of ours must be in it. */
  readonly diary: () => Promise<string>
}

/** For what is written down as absent. */
export const neverAsked = (): Promise<never> => Promise.reject(new Error("this daemon has no such thing"))

export interface CapabilityDriver {
  readonly name: ProgramName
  /** As people call it. */
  readonly title: string
  readonly version: () => Promise<string>
  /** What this version lacks, and why we say so. */
  readonly absent: Readonly<Partial<Record<FeatureId, string>>>
  /** Sessions that it cannot have, by the reason. */
  readonly sessionsWithout: Readonly<Record<string, string>>
  readonly create: (lab: InteropLab, sessions: ReadonlyArray<LabSession>) => CapabilityPeer
}
