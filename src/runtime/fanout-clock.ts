// The clock of the fan-out: the time of day when the process started, counted on by a clock that never jumps.
import { MICROS_PER_MS, type Micros } from "../machine/index.ts"

export const nowMicros = (): Micros => Math.floor((performance.timeOrigin + performance.now()) * MICROS_PER_MS)
