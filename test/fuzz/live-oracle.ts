// What a stream of bytes must do to a session, read message by message without the router: where it ends and with what answer, and which
// prefixes are known afterwards. It trusts `frame` and `scanUpdate`, which have laws of their own, and nothing else of the router.
import {
  decodeNlri,
  decodeOpen,
  decodeRouteRefresh,
  familyOf,
  formatPrefix,
  frame,
  isFault,
  MessageType,
  RefreshSubtype,
  scanUpdate,
  type UpdateContext,
  UpdateView,
  Verdict
} from "../../src/wire/index.ts"
import type { Role } from "./live-settings.ts"
import type { Tally } from "./tally.ts"

export type Phase = "OpenSent" | "OpenConfirm" | "Established"

/** What must have happened. `code` 0: whatever code; `Unsure`: only the laws that always hold. */
export type Expected =
  | { readonly _tag: "Stays" }
  | { readonly _tag: "Answered"; readonly code: number; readonly subcode: number }
  | { readonly _tag: "Silent" }
  | { readonly _tag: "Unsure" }

const STAYS: Expected = { _tag: "Stays" }
const SILENT: Expected = { _tag: "Silent" }
const UNSURE: Expected = { _tag: "Unsure" }
const answered = (code: number, subcode = 0): Expected => ({ _tag: "Answered", code, subcode })

export class Oracle {
  /** Prefixes announced and not withdrawn, by family. */
  readonly known: readonly [Set<string>, Set<string>] = [new Set(), new Set()]
  /** What the session agrees on, or is going to. */
  private readonly context: UpdateContext
  private readonly extendedNextHop: boolean
  /** The talker marks its refreshes. */
  private readonly marks: boolean
  /** By family: what a refresh under way has not repeated yet; `undefined`: there is none. */
  private readonly unrepeated: [Set<string> | undefined, Set<string> | undefined] = [undefined, undefined]
  /** Families that are not listened to any more. */
  private readonly disabled: [boolean, boolean] = [false, false]
  private readonly view = new UpdateView()
  private readonly tally: Tally
  /** The talker has refused our OPEN: the sessions after this one agree on something else than the setting says. */
  refusesOpen = false
  private left: Uint8Array = new Uint8Array(0)
  private phase: Phase

  constructor(
    phase: Phase,
    { role, context }: { readonly role: Pick<Role, "extendedNextHop" | "marks">; readonly context: UpdateContext },
    tally: Tally
  ) {
    this.extendedNextHop = role.extendedNextHop
    this.marks = role.marks
    this.phase = phase
    this.context = context
    this.tally = tally
  }

  /** Reads what came next. */
  hear(bytes: Uint8Array): Expected {
    const stream = new Uint8Array(this.left.length + bytes.length)
    stream.set(this.left)
    stream.set(bytes, this.left.length)
    let at = 0
    while (at < stream.length) {
      const longest = this.phase === "Established" && this.context.extended ? 65535 : 4096
      const length = frame(stream, at, stream.length, longest)
      if (length < 0) return this.headerBroken(stream, at, -length)
      if (length === 0 || at + length > stream.length) break
      const expected = this.message(stream, at, length)
      if (expected._tag !== "Stays") return expected
      at += length
    }
    this.left = stream.slice(at)
    return STAYS
  }

  /** RFC 4271 §6.4: what claims to be a NOTIFICATION is never answered. */
  private headerBroken(stream: Uint8Array, at: number, subcode: number): Expected {
    this.tally.count(`${this.phase}: header 1/${subcode}`)
    return stream[at + 18] === MessageType.Notification ? SILENT : answered(1, subcode)
  }

  private message(stream: Uint8Array, at: number, length: number): Expected {
    const type = stream[at + 18]
    if (type === MessageType.Notification) {
      this.tally.count(`${this.phase}: NOTIFICATION`)
      // RFC 5492 §5: told that an optional parameter or a capability is not supported, we open again without it.
      if (stream[at + 19] === 2 && (stream[at + 20] === 4 || stream[at + 20] === 7)) this.refusesOpen = true
      return SILENT
    }
    if (this.phase === "Established") return this.established(stream, at, length, type)
    if (type === MessageType.Open && this.phase === "OpenSent") {
      const open = decodeOpen(stream, at, length)
      this.tally.count(isFault(open) ? `OpenSent: OPEN ${open.code}/${open.subcode}` : "OpenSent: OPEN")
      // Whether a good OPEN is agreed to is for negotiation; what follows on it is not foretold.
      return isFault(open) ? answered(open.code, open.subcode) : UNSURE
    }
    this.tally.count(`${this.phase}: type ${type}`)
    if (type === MessageType.Keepalive && this.phase === "OpenConfirm") {
      this.phase = "Established"
      return STAYS
    }
    if (type === MessageType.RouteRefresh && isFault(decodeRouteRefresh(stream, at, length))) return answered(0)
    return type === MessageType.Open ? answered(0) : answered(5, this.phase === "OpenSent" ? 1 : 2)
  }

  private established(stream: Uint8Array, at: number, length: number, type: number): Expected {
    if (type === MessageType.Keepalive) return STAYS
    if (type === MessageType.Open) {
      this.tally.count("Established: OPEN")
      return answered(0)
    }
    if (type === MessageType.RouteRefresh) {
      const refresh = decodeRouteRefresh(stream, at, length)
      this.tally.count(isFault(refresh) ? "Established: ROUTE-REFRESH 7/1" : "Established: ROUTE-REFRESH")
      if (isFault(refresh)) return answered(refresh.code, refresh.subcode)
      this.refreshed(refresh)
      return STAYS
    }
    const { view } = this
    const verdict = scanUpdate(view, stream, at, length, this.context)
    this.tally.count(`Established: ${VERDICTS[verdict]}`)
    if (view.fault !== undefined) return answered(view.fault.code, view.fault.subcode)
    if (verdict === Verdict.DisableFamily) return this.giveUp(view.brokenFamily as 0 | 1)
    // An IPv6 next hop of IPv4 prefixes that was not agreed on (RFC 8950 §4) leads nowhere.
    const astray = view.reachFamily === 0 && view.reachNlriEnd > view.reachNlriAt && view.reachNextHopLength > 4
    this.learn(stream, verdict === Verdict.TreatAsWithdraw || (astray && !this.extendedNextHop))
    return STAYS
  }

  /** RFC 4760 §7: what was told of the family goes; with the last one goes the session. */
  private giveUp(family: 0 | 1): Expected {
    if (this.disabled[family === 0 ? 1 : 0]) return answered(3, 9)
    this.tally.count("Established: a family given up")
    this.disabled[family] = true
    this.known[family].clear()
    return STAYS
  }

  /** RFC 7313 §4: what is not repeated between the marks goes at the second one. */
  private refreshed({
    afi,
    safi,
    subtype
  }: {
    readonly afi: number
    readonly safi: number
    readonly subtype: number
  }): void {
    const family = familyOf(afi, safi)
    if (!this.marks || (family !== 0 && family !== 1)) return
    if (subtype === RefreshSubtype.Begin) this.unrepeated[family] = new Set(this.known[family])
    if (subtype !== RefreshSubtype.End) return
    for (const key of this.unrepeated[family] ?? []) this.known[family].delete(key)
    if (this.unrepeated[family] !== undefined) this.tally.count("Established: a marked refresh")
    this.unrepeated[family] = undefined
  }

  /** Withdrawals first: a prefix in both parts counts as announced (RFC 4271 §4.3). */
  private learn(stream: Uint8Array, withdraws: boolean): void {
    const { view } = this
    this.each(stream, 0, view.withdrawnAt, view.withdrawnEnd, (key) => this.known[0].delete(key))
    if (view.unreachFamily >= 0) {
      const family = view.unreachFamily as 0 | 1
      this.each(stream, family, view.unreachNlriAt, view.unreachNlriEnd, (key) => this.known[family].delete(key))
    }
    this.each(stream, 0, view.nlriAt, view.nlriEnd, (key) => put(this.known[0], key, withdraws))
    if (view.reachFamily >= 0) {
      const family = view.reachFamily as 0 | 1
      this.each(stream, family, view.reachNlriAt, view.reachNlriEnd, (key) => put(this.known[family], key, withdraws))
    }
  }

  private each(stream: Uint8Array, family: 0 | 1, from: number, to: number, use: (key: string) => void): void {
    if (from === to) return
    if (this.disabled[family]) return
    for (const nlri of decodeNlri(stream, from, to, family === 0 ? 4 : 6, this.context.addPath[family])) {
      const key = `${formatPrefix(nlri)} ${nlri.pathId ?? 0}`
      // Announced or withdrawn: either way it has been spoken of.
      this.unrepeated[family]?.delete(key)
      use(key)
    }
  }
}

const put = (known: Set<string>, key: string, withdraws: boolean): void => {
  if (withdraws) known.delete(key)
  else known.add(key)
}

const VERDICTS = ["UPDATE keep", "UPDATE discard", "UPDATE treat as withdraw", "UPDATE disable family", "UPDATE reset"]
