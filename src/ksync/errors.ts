// What an error of the kernel means for the object it was about. The code alone does not tell "dependency missing" from "malformed":
// EINVAL is both, so the caller says whether a dependency is in doubt (reference: Linux 6.18, measured).

/** errno values, as rtnetlink answers them. */
export const Errno = {
  ENOENT: 2,
  ESRCH: 3,
  EINTR: 4,
  /** No answer at all, after several tries: whether it was done is not known. */
  EIO: 5,
  EAGAIN: 11,
  ENOMEM: 12,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  /** No number is left to give. */
  ENOSPC: 28,
  ENETDOWN: 100,
  ENETUNREACH: 101,
  ENOBUFS: 105,
  EHOSTUNREACH: 113
} as const

export const ErrorClass = {
  /** What was asked for is so. */
  Success: 0,
  /** Something that it stands on is missing: it is tried again when that changes, and now and then. */
  Dependency: 1,
  /** The same request may succeed later: it is repeated with growing pauses. */
  Transient: 2,
  /** The same request will fail again: it is shown, and repeated rarely. */
  Permanent: 3,
  /** The object is not there any more: made anew. */
  Lost: 4,
  /** Somebody else has what we wanted to make. It is left alone. */
  Conflict: 5,
  /** Another program undoes it again and again: it is repaired with growing pauses. */
  Contested: 6
} as const
export type ErrorClass = (typeof ErrorClass)[keyof typeof ErrorClass]

export const ERROR_CLASS_NAMES: ReadonlyArray<string> = [
  "success",
  "dependency",
  "transient",
  "permanent",
  "lost",
  "conflict",
  "contested"
]

export type Operation = "add" | "change" | "delete"

export const classify = (operation: Operation, errno: number, dependencyInDoubt: boolean): ErrorClass => {
  switch (errno) {
    case Errno.ESRCH:
    case Errno.ENOENT:
    case Errno.ENODEV:
      if (operation === "delete") return ErrorClass.Success
      return operation === "change" && errno === Errno.ENOENT ? ErrorClass.Lost : ErrorClass.Dependency
    case Errno.EEXIST:
      return ErrorClass.Conflict
    case Errno.ENETDOWN:
    case Errno.ENETUNREACH:
    case Errno.EHOSTUNREACH:
      return ErrorClass.Dependency
    case Errno.EAGAIN:
    case Errno.EBUSY:
    case Errno.ENOMEM:
    case Errno.ENOBUFS:
    case Errno.EINTR:
      return ErrorClass.Transient
    default:
      return dependencyInDoubt ? ErrorClass.Dependency : ErrorClass.Permanent
  }
}

/** What is shown of an object that somebody keeps undoing. */
export const contested = (times: number): Failure => ({
  errno: 0,
  errorClass: ErrorClass.Contested,
  text: `another program has undone it ${times} times`
})

/** Why an object is not in the kernel as wanted. */
export interface Failure {
  readonly errno: number
  readonly errorClass: ErrorClass
  /** The kernel's extended-ack text; empty where it gave none. */
  readonly text: string
}

export interface SyncCounters {
  readonly requests: number
  /** Done, or so already. */
  readonly acknowledged: number
  readonly failed: number
  readonly unanswered: number
  /** Routes and rules that went without our doing. */
  readonly lost: number
  /** Routes, groups and nexthops that another program gave another content. */
  readonly altered: number
  readonly violations: number
}

export const newCounters = (): { -readonly [Name in keyof SyncCounters]: number } => ({
  requests: 0,
  acknowledged: 0,
  failed: 0,
  unanswered: 0,
  lost: 0,
  altered: 0,
  violations: 0
})

/** What the kernel answered to one message of the batch. */
export type Answer = (slot: number) => { readonly errno: number; readonly text: string } | undefined
