// The page about kernel objects names a test beside each difference from the source: there is such a test.
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"

const ROOT = join(import.meta.dirname, "../..")

const titlesIn = (folder: string): string =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".test.ts"))
    .map((name) => readFileSync(join(folder, name), "utf8"))
    .join("")

/** Titles in quotation marks, as far as they are written out. */
const namedIn = (page: string): ReadonlyArray<string> =>
  [...page.matchAll(/"([^"\n]+)"/g)]
    .map(([, title]) => title.split("…")[0].trim())
    .filter((title) => title.length >= 12)

describe("docs/machines/ksync.md", () => {
  it("names tests that exist", () => {
    const named = namedIn(readFileSync(join(ROOT, "docs/machines/ksync.md"), "utf8"))
    const titles = titlesIn(join(ROOT, "test/ksync")) + titlesIn(join(ROOT, "test/router"))
    expect(named.length).toBeGreaterThan(35)
    expect(named.filter((title) => !titles.includes(title))).toEqual([])
  })
})
