// How long a peer waits before it tries again. The law that RFC 4271 §8.1.1 leaves open: the wait doubles with each failure up to a
// limit, total over every count, monotone and bounded, so that a peer neither hammers nor hangs. Jitter is added where the timer is
// armed, from the seed in the peer's state.
import { KEEPALIVE_MIN_MS, TimerKind } from "./settings.ts"

/** No wait grows past this, unless the configuration starts above it. */
export const IDLE_HOLD_MAX_S = 300
/** A retry never follows at once, whatever the configuration says. */
export const IDLE_HOLD_MIN_S = 1

/** Milliseconds to wait after so many failures in a row. 0 failures wait like one. */
export const idleHoldMs = (idleHoldS: number, failures: number): number => {
  const firstS = Math.max(idleHoldS, IDLE_HOLD_MIN_S)
  const limitS = Math.max(firstS, IDLE_HOLD_MAX_S)
  const doublings = Math.min(Math.max(failures - 1, 0), DOUBLINGS_MAX)
  return Math.min(firstS * 2 ** doublings, limitS) * 1000
}

/** Milliseconds until the next dial after so many that came to nothing: grows like the idle hold, up to the connect retry time. */
export const redialMs = (connectRetryS: number, idleHoldS: number, failedDials: number): number =>
  Math.min(Math.max(connectRetryS, IDLE_HOLD_MIN_S) * 1000, idleHoldMs(idleHoldS, failedDials))

/** RFC 4271 §10 jitters these, so that many peers do not act in step. */
export const isJittered = (timer: TimerKind): boolean =>
  timer === TimerKind.ConnectRetry || timer === TimerKind.Keepalive || timer === TimerKind.IdleHold

/** The shortest that a timer may be after jitter. */
export const floorMs = (timer: TimerKind): number => (timer === TimerKind.Keepalive ? KEEPALIVE_MIN_MS : 0)

// 2^9 seconds are past the limit already; the bound keeps the power finite for any count.
const DOUBLINGS_MAX = 9
