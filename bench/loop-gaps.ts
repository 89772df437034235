// Loaded before a daemon that is measured (`node --import`): a timer of 5 ms that notes how late it is, and writes what it found into the
// file that BACKWALK_LOOP_GAPS names, each second. A gap is the time in which no timer could fire.
import { writeFileSync } from "node:fs"

export interface LoopGaps {
  /**
   * Gaps of 10 ms and more: when they ended, in milliseconds of the monotonic clock, how long they were, and how much of that the thread
   * ran; the rest it waited for a processor, which says something of the machine and nothing of us.
   */
  readonly gaps: Array<readonly [number, number, number]>
}

const PERIOD_MS = 5
const NOTED_MS = 10

const file = process.env["BACKWALK_LOOP_GAPS"]
if (file !== undefined) {
  const found: LoopGaps = { gaps: [] }
  const now = (): number => Number(process.hrtime.bigint() / 1000n) / 1000
  const ran = (): number => {
    const { user, system } = process.threadCpuUsage()
    return (user + system) / 1000
  }
  let last = now()
  let ranThen = ran()
  let written = last
  setInterval(() => {
    const at = now()
    const ranNow = ran()
    if (at - last - PERIOD_MS >= NOTED_MS) found.gaps.push([at, at - last - PERIOD_MS, ranNow - ranThen])
    last = at
    ranThen = ranNow
    if (at - written < 1000) return
    written = at
    writeFileSync(file, JSON.stringify(found))
  }, PERIOD_MS).unref()
}
