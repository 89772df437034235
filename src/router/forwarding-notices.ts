// What an operator should know of the kernel's refusals: each kind is told once, not once per route.
import { Errno, errnoName } from "../netlink/index.ts"

export type NoticeLevel = "info" | "warning" | "error"

const KINDS_MAX = 64

export class ForwardingNotices {
  private readonly notices: Array<{ readonly level: NoticeLevel; readonly message: string }> = []
  private readonly toldOf = new Set<string>()

  /** What there is since the last call. */
  drain(tell: (level: NoticeLevel, message: string) => void): void {
    for (const { level, message } of this.notices) tell(level, message)
    this.notices.length = 0
  }

  refused(errno: number, text: string): void {
    const what = text === "" ? errnoName(errno) : `${errnoName(errno)}: ${text}`
    if (this.toldOf.has(what) || this.toldOf.size >= KINDS_MAX) return
    this.toldOf.add(what)
    if (errno === Errno.EPERM) {
      const message = "the kernel refuses route changes (EPERM): run as root or grant CAP_NET_ADMIN"
      this.notices.push({ level: "error", message })
    } else if (errno !== Errno.ESRCH && errno !== Errno.ENOENT && errno !== Errno.EEXIST) {
      this.notices.push({ level: "warning", message: `the kernel refused a request (${what})` })
    }
  }

  /** Places of routes that others have, compared with the kernel. The first few are told, each once. */
  conflicts(keys: Iterable<string>): void {
    for (const key of keys) {
      if (this.toldOf.size >= KINDS_MAX) return
      const message = `another program has a route for ${key} with our table and metric: it is left alone, and ours waits`
      if (!this.toldOf.has(key)) this.notices.push({ level: "warning", message })
      this.toldOf.add(key)
    }
  }

  contested(key: string): void {
    const message = `another program keeps undoing ${key}: it is repaired with growing pauses`
    this.notices.push({ level: "warning", message })
  }
}
