// Runs the rows of docs/INTEROP.md with one daemon. Each row's outcome is a line of JSON in the file that BACKWALK_INTEROP_RESULTS names, if
// any: `npm run interop-table` makes the page from it. What the daemon's version lacks is written down with the reason.
import { appendFileSync } from "node:fs"
import { afterAll, beforeAll, it } from "vitest"
import { FEATURES, type Feature, type FeatureId } from "./capability-features.ts"
import { CapabilityLab } from "./capability-lab.ts"
import type { CapabilityDriver } from "./capability-peers.ts"
import { requirement } from "./requirements.ts"

export interface CapabilityResult {
  readonly peer: string
  readonly version: string
  readonly feature: string
  readonly side: string
  readonly result: "yes" | "no" | "absent"
  readonly note: string
}

export const capabilityChecks = (driver: CapabilityDriver): void => {
  const reasonOf = ({ id }: Feature): string | undefined =>
    driver.absent[id as FeatureId] ?? driver.sessionsWithout[id] ?? undefined

  requirement(driver.name, "root", "ip").describe(`${driver.title} and Backwalk`, () => {
    let lab: CapabilityLab
    let version = ""
    const note = ({ id, side }: Feature, result: CapabilityResult["result"], words: string): void => {
      const file = process.env["BACKWALK_INTEROP_RESULTS"]
      const line: CapabilityResult = { peer: driver.title, version, feature: id, side, result, note: words }
      if (file !== undefined) appendFileSync(file, `${JSON.stringify(line)}\n`)
    }

    beforeAll(async () => {
      version = await driver.version()
      lab = await CapabilityLab.open(driver)
      for (const feature of FEATURES as ReadonlyArray<Feature>) {
        const reason = reasonOf(feature)
        if (reason !== undefined) note(feature, "absent", reason)
      }
    }, START_MS)
    afterAll(() => lab?.lab.close())

    for (const feature of FEATURES as ReadonlyArray<Feature>) {
      if (reasonOf(feature) !== undefined) continue
      it(
        `${feature.title} (${feature.side}) [${rfcName(feature)}]`,
        async () => {
          try {
            note(feature, "yes", (await feature.check(lab)) ?? "")
          } catch (cause) {
            const message = cause instanceof Error ? cause.message : String(cause)
            note(feature, "no", message.split("\n")[0])
            throw new Error(`${message}\n${lab.lab.said()}`, { cause })
          }
        },
        CHECK_MS
      )
    }
  })
}

const rfcName = ({ rfc }: Feature): string => (/^\d/.test(rfc) ? `RFC ${rfc}` : rfc)

const START_MS = 60_000
const CHECK_MS = 120_000
