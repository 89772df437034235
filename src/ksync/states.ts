// The alphabet of a kernel object's life, under the names of the source (Contrail's KSync), whose numeric order matters: an object may
// be referred to from InSync up to, not including, DeleteDeferSync. Events beyond the source's eight carry what the source does not
// know: that an operation failed, and that the kernel dropped an object by itself.

export const EntryState = {
  /** Nothing is wanted and nothing is in the kernel. Also what a column of zeros says, and where an object ends (FREED). */
  Init: 0,
  /** Somebody refers to an object that nobody has created. */
  Temp: 1,
  /** Wanted, not in the kernel, waits for a dependency. */
  AddDefer: 2,
  /** In the kernel with an older content; the new one waits for a dependency. */
  ChangeDefer: 3,
  /** The kernel has what we want. */
  InSync: 4,
  /** An add or change is under way. */
  SyncWait: 5,
  /** As SyncWait, and the content changed since. */
  NeedSync: 6,
  /** Not wanted any more, but an add or change is still under way. */
  DeleteDeferSync: 7,
  /** Not wanted any more, but others refer to it. */
  DeleteDeferRef: 8,
  /** A delete is under way, and one more must follow it. */
  DeleteDeferDeleteAck: 9,
  /** A delete is under way. */
  DeleteAckWait: 10,
  /** A delete is under way, and the object is wanted again: an add follows. */
  RenewWait: 11,
  /** Free me: never seen between events. */
  FreeWait: 12
} as const
export type EntryState = (typeof EntryState)[keyof typeof EntryState]

export const ENTRY_STATE_NAMES: ReadonlyArray<string> = [
  "INIT",
  "TEMP",
  "ADD_DEFER",
  "CHANGE_DEFER",
  "IN_SYNC",
  "SYNC_WAIT",
  "NEED_SYNC",
  "DEL_DEFER_SYNC",
  "DEL_DEFER_REF",
  "DEL_DEFER_DEL_ACK",
  "DEL_ACK_WAIT",
  "RENEW_WAIT",
  "FREE_WAIT"
]

export const EntryEvent = {
  /** Wanted, or its content changed. */
  AddChangeRequest: 0,
  AddAck: 1,
  ChangeAck: 2,
  /** Not wanted any more. */
  DeleteRequest: 3,
  /** Delete it, then add it again. */
  DeleteAddRequest: 4,
  DeleteAck: 5,
  /** The dependency that it waited for became usable. */
  ReEvaluate: 6,
  /** The last reference went. */
  ReferenceReleased: 7,
  /** The add under way was refused: the kernel has nothing. */
  AddFailed: 8,
  /** The change under way was refused: the kernel has the older content. */
  ChangeFailed: 9,
  /** The delete under way was refused: the kernel still has it. */
  DeleteFailed: 10,
  /** The kernel dropped it without being asked (link down, a parent deleted, another program). */
  Lost: 11
} as const
export type EntryEvent = (typeof EntryEvent)[keyof typeof EntryEvent]

export const ENTRY_EVENT_NAMES: ReadonlyArray<string> = [
  "ADD_CHANGE_REQ",
  "ADD_ACK",
  "CHANGE_ACK",
  "DEL_REQ",
  "DEL_ADD_REQ",
  "DEL_ACK",
  "RE_EVAL",
  "INT_PTR_REL",
  "ADD_FAILED",
  "CHANGE_FAILED",
  "DEL_FAILED",
  "LOST"
]

/** What a transition depends on besides state and event. */
export const Guard = {
  /** A dependency is not usable. */
  Unresolved: 1,
  /** It was sent before: the kernel may hold it. */
  Seen: 2,
  /** A delete-then-add was asked for while an operation was under way. */
  DeleteAddPending: 4,
  /** Others refer to it. */
  Referenced: 8,
  /** Operations are done when they are asked for; also a change that changes nothing. */
  Synchronous: 16,
  /** Every delete must be sent, also of what was never added (the source's AllowDeleteStateComp = false). */
  Uncompressed: 32
} as const

/** What a transition asks for; performed from the lowest bit to the highest. */
export const Act = {
  /** Stop waiting for the dependency. */
  Unlink: 1,
  SendDelete: 2,
  SendAdd: 4,
  SendChange: 8,
  /** Wait for the unmet dependency. */
  WaitOn: 16,
  /** Whoever waits for this object looks again. */
  Wake: 32,
  /** Whoever relied on this object looks again. */
  Invalidate: 64,
  /** Nothing but time will help: ask to be driven again. */
  Retry: 128,
  /** Nobody owns the object any more. */
  Cleanup: 256,
  Free: 512,
  /** The event makes no sense here: counted, the state stays. */
  Violation: 1024
} as const

/** Flags that a transition changes. */
export const FlagChange = { SetSeen: 1, ClearSeen: 2, SetPending: 4, ClearPending: 8 } as const

/** Whether a referrer may be sent: the dependency is in the kernel, or on its way there ahead of the referrer. */
export const isUsable = (state: number): boolean => state >= EntryState.InSync && state < EntryState.DeleteDeferSync

/** Whether an operation is under way, so that the object must not be freed and gets no second one. */
export const isUnderWay = (state: number): boolean =>
  (state >= EntryState.SyncWait && state <= EntryState.DeleteDeferSync) ||
  (state >= EntryState.DeleteDeferDeleteAck && state <= EntryState.RenewWait)

/** The event that brings an object at rest from what it is to what it should be; undefined where it is that already. */
export const eventFor = (
  state: number,
  wanted: boolean,
  differs: boolean,
  referenced: boolean
): EntryEvent | undefined => {
  switch (state) {
    case EntryState.Init:
      return wanted ? EntryEvent.AddChangeRequest : undefined
    case EntryState.Temp:
      return wanted ? EntryEvent.AddChangeRequest : referenced ? undefined : EntryEvent.ReferenceReleased
    case EntryState.AddDefer:
    case EntryState.ChangeDefer:
      return wanted ? EntryEvent.ReEvaluate : EntryEvent.DeleteRequest
    case EntryState.InSync:
      if (!wanted) return EntryEvent.DeleteRequest
      return differs ? EntryEvent.AddChangeRequest : undefined
    case EntryState.DeleteDeferRef:
      if (wanted) return EntryEvent.AddChangeRequest
      return referenced ? undefined : EntryEvent.ReferenceReleased
    default:
      return undefined
  }
}
